import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { z } from "zod";
import { HeadwaterError } from "../../error.ts";
import { type Daemon, isNotFound } from "./daemon.ts";
import { type DaemonImage, temporaryAlias, temporaryOwner } from "./daemon-image.ts";
import { wrong } from "./failures.ts";

const instanceSchema = z.looseObject({
  name: z.string(),
  status: z.string().catch(""),
  config: z.record(z.string(), z.string()).nullish(),
});

/** How long a mark protects what it marks, should its process be on another machine: milliseconds. */
const MARK_MS = 24 * 60 * 60 * 1000;
/** For tidying up, which goes on after Ctrl-C. */
const TIDY_MS = 60_000;

/**
 * Publishes an instance or one of its snapshots on the daemon under a mark, hands the image to `use`, and removes it again. A running
 * instance is published from a snapshot of its own, made for this. What a process that was killed left is removed by `removeLeftovers`.
 * @param name `c1` or `c1/snap0`
 * @throws NOT_FOUND, DAEMON_REFUSED
 */
export async function withPublished<T>(
  daemon: Daemon,
  name: string,
  use: (image: DaemonImage) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const [instance = "", snapshot] = name.split("/");
  const found = await instanceOf(daemon, name, instance);
  const isLive = snapshot === undefined && found.status !== "Stopped";
  const own = isLive ? `headwater-${process.pid}-${randomBytes(4).toString("hex")}` : undefined;
  const mark = temporaryAlias({
    host: hostname(),
    pid: String(process.pid),
    random: randomBytes(4).toString("hex"),
  });
  const path = `/1.0/instances/${encodeURIComponent(instance)}/snapshots`;
  if (own !== undefined) await removeOldSnapshots(daemon, path);
  try {
    if (own !== undefined) {
      // Should this process be killed, and nobody take this instance again.
      const expires_at = new Date(Date.now() + MARK_MS).toISOString();
      await daemon.run("POST", path, { name: own, stateful: false, expires_at }, signal);
    }
    const from = snapshot ?? own;
    const source =
      from === undefined
        ? { type: "instance", name: instance }
        : { type: "snapshot", name: `${instance}/${from}` };
    const body = { source, public: false, aliases: [{ name: mark, description: "" }] };
    try {
      const { fingerprint } = await daemon.run("POST", "/1.0/images", body, signal);
      if (typeof fingerprint !== "string") throw wrong(daemon.place, `publishing ${name} gave no image`);
      return await use(described(await daemon.image(fingerprint), name, found.config ?? {}));
    } finally {
      await removeMarked(daemon, mark);
    }
  } finally {
    if (own !== undefined) await remove(daemon, `${path}/${own}`);
  }
}

async function instanceOf(
  daemon: Daemon,
  name: string,
  instance: string,
): Promise<z.infer<typeof instanceSchema>> {
  try {
    const path = `/1.0/instances/${encodeURIComponent(instance)}`;
    const parsed = instanceSchema.safeParse(await daemon.get(path));
    const snapshot = name.split("/")[1];
    if (snapshot !== undefined) await daemon.get(`${path}/snapshots/${encodeURIComponent(snapshot)}`);
    if (parsed.success) return parsed.data;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new HeadwaterError("NOT_FOUND", `${daemon.place} has no instance or snapshot "${name}"`, {
      hint: "incus list (lxc list) shows instances, incus snapshot list NAME (lxc info NAME) their snapshots.",
      details: { instance: name },
    });
  }
  throw wrong(daemon.place, `what it says about ${instance} cannot be read`);
}

/** The image under the name of its instance, with the names of what that was made from, which an instance keeps as `image.*`. */
function described(image: DaemonImage, name: string, config: Readonly<Record<string, string>>): DaemonImage {
  const inherited = Object.entries(config).flatMap(([key, value]): [string, string][] =>
    key.startsWith("image.") ? [[key.slice("image.".length), value]] : [],
  );
  const properties = { ...Object.fromEntries(inherited), ...image.properties };
  return { ...image, aliases: [name.split("/")[0] ?? name], properties };
}

const markedSchema = z.array(
  z.looseObject({
    fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
    uploaded_at: z.string().catch(""),
    aliases: z.array(z.looseObject({ name: z.string() })).nullish(),
  }),
);

/** Removes images that were published under a mark whose process is gone. An image that has any other name is somebody's. Returns how many. */
export async function removeLeftovers(daemon: Daemon): Promise<number> {
  if (!daemon.facts.isTrusted) return 0;
  return removeImages(daemon, (mark, uploadedAt) => !isAlive(mark, uploadedAt));
}

/** The image under this mark, if it was made. */
async function removeMarked(daemon: Daemon, mark: string): Promise<void> {
  await removeImages(daemon, (other) => other === mark).catch((error: unknown) => {
    // What went wrong before is what counts; the next pull tidies up.
    if (!(error instanceof HeadwaterError)) throw error;
  });
}

async function removeImages(
  daemon: Daemon,
  isMeant: (mark: string, uploadedAt: string) => boolean,
): Promise<number> {
  const signal = AbortSignal.timeout(TIDY_MS);
  const images = markedSchema.safeParse(await daemon.get("/1.0/images", "recursion=1", signal));
  let removed = 0;
  for (const { fingerprint, aliases, uploaded_at: uploadedAt } of images.data ?? []) {
    const [only, ...others] = aliases ?? [];
    if (only === undefined || others.length > 0 || temporaryOwner(only.name) === undefined) continue;
    if (!isMeant(only.name, uploadedAt)) continue;
    if (await remove(daemon, `/1.0/images/${fingerprint}`)) removed += 1;
  }
  return removed;
}

/** Snapshots that a killed process of this machine made of the same instance. */
async function removeOldSnapshots(daemon: Daemon, path: string): Promise<void> {
  if (daemon.connection.address.kind !== "socket") return;
  const urls = z.array(z.string()).safeParse(await daemon.get(path));
  for (const url of urls.data ?? []) {
    const [, name = "", pid = ""] = /\/(headwater-(\d+)-[0-9a-f]{8})(?:\?|$)/.exec(url) ?? [];
    if (name !== "" && !isRunning(Number(pid))) await remove(daemon, `${path}/${name}`);
  }
}

function isAlive(mark: string, uploadedAt: string): boolean {
  const owner = temporaryOwner(mark);
  if (owner === undefined) return true;
  if (owner.host === hostname()) return isRunning(owner.pid);
  return !(Date.now() - Date.parse(uploadedAt) > MARK_MS);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Whether it is gone now. Also after Ctrl-C; and tidying up never hides what went wrong before. */
async function remove(daemon: Daemon, path: string): Promise<boolean> {
  try {
    await daemon.run("DELETE", path, undefined, AbortSignal.timeout(TIDY_MS));
    return true;
  } catch (error) {
    if (error instanceof HeadwaterError) return false;
    throw error;
  }
}

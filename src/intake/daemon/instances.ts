import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { z } from "zod";
import { HeadwaterError } from "../../error.ts";
import { type Daemon, isNotFound } from "./daemon.ts";
import { type DaemonImage, MARK } from "./daemon-image.ts";
import { wrong } from "./failures.ts";

const instanceSchema = z.looseObject({
  name: z.string(),
  status: z.string().catch(""),
  config: z.record(z.string(), z.string()).nullish(),
});

/** How long a mark protects what it marks, should its process be on another machine: milliseconds. */
const MARK_MS = 24 * 60 * 60 * 1000;

/** What is written where something temporary is: who made it, and when. */
interface Mark {
  readonly host: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly at: string;
}

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
  const mark: Mark = { host: hostname(), pid: process.pid, at: new Date().toISOString() };
  const path = `/1.0/instances/${encodeURIComponent(instance)}/snapshots`;
  if (own !== undefined) {
    await removeOldSnapshots(daemon, path);
    // Should this process be killed, and nobody take this instance again.
    const expires_at = new Date(Date.now() + MARK_MS).toISOString();
    await daemon.run("POST", path, { name: own, stateful: false, expires_at }, signal);
  }
  try {
    const from = snapshot ?? own;
    const source =
      from === undefined
        ? { type: "instance", name: instance }
        : { type: "snapshot", name: `${instance}/${from}` };
    const body = { source, public: false, properties: { [MARK]: JSON.stringify(mark) } };
    const { fingerprint } = await daemon.run("POST", "/1.0/images", body, signal);
    if (typeof fingerprint !== "string") throw wrong(daemon.place, `publishing ${name} gave no image`);
    try {
      return await use(described(await daemon.image(fingerprint), name, found.config ?? {}));
    } finally {
      await remove(daemon, `/1.0/images/${fingerprint}`);
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
  const { [MARK]: _mark, ...properties } = { ...Object.fromEntries(inherited), ...image.properties };
  return { ...image, aliases: [name.split("/")[0] ?? name], properties };
}

/** Images and snapshots under a mark whose process is gone. Returns how many were removed. */
export async function removeLeftovers(daemon: Daemon): Promise<number> {
  if (!daemon.facts.isTrusted) return 0;
  let removed = 0;
  const images = z
    .array(z.looseObject({ fingerprint: z.string(), properties: z.record(z.string(), z.string()).nullish() }))
    .safeParse(await daemon.get("/1.0/images", "recursion=1"));
  for (const { fingerprint, properties } of images.data ?? []) {
    const mark = properties?.[MARK];
    if (mark === undefined || isAlive(mark)) continue;
    await remove(daemon, `/1.0/images/${fingerprint}`);
    removed += 1;
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

/** An unreadable mark is nobody's. */
function isAlive(text: string): boolean {
  try {
    const { host, pid, at } = JSON.parse(text) as Partial<Mark>;
    if (Date.now() - Date.parse(at ?? "") > MARK_MS) return false;
    return host !== hostname() || isRunning(Number(pid));
  } catch {
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Also when it is gone already; and cleaning up never hides what went wrong before. */
async function remove(daemon: Daemon, path: string): Promise<void> {
  try {
    await daemon.run("DELETE", path);
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
  }
}

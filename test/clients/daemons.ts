import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { attempt, run } from "./program.ts";

export type Family = "incus" | "lxd";

/** Where the daemons of this test run live. Strings only: it crosses from the global setup into the test workers. */
export interface Daemons {
  readonly folder: string;
  readonly incus: string;
  readonly lxd: string;
}

interface Program {
  readonly family: Family;
  readonly daemon: string;
  readonly client: string;
}

const PROGRAMS: readonly Program[] = [
  { family: "incus", daemon: "/usr/libexec/incus/incusd", client: "incus" },
  { family: "lxd", daemon: "/usr/bin/lxd", client: "lxc" },
];

const TOOLS = [
  "incus-simplestreams",
  "mksquashfs",
  "tar",
  "xz",
  "qemu-img",
  "openssl",
  "setpriv",
  "busybox",
  "xdelta3",
  "/usr/sbin/nginx",
];

/** Everything that keeps the real clients from running here, in words; empty when they can. */
export function whatIsMissing(): string[] {
  const missing: string[] = [];
  if (process.platform !== "linux") missing.push("Linux");
  if (process.getuid?.() !== 0) missing.push("root");
  for (const program of PROGRAMS.flatMap(({ daemon, client }) => [daemon, client]).concat(TOOLS)) {
    if (!onPath(program)) missing.push(program);
  }
  return missing;
}

function onPath(program: string): boolean {
  if (program.startsWith("/")) return existsSync(program);
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** The environment in which both client programs find the daemons of this run, and never this machine's own. */
export function daemonEnvironment(daemons: Daemons): Record<string, string> {
  return { INCUS_DIR: daemons.incus, LXD_DIR: daemons.lxd };
}

/**
 * Starts an incusd and an lxd of our own, with their state in a new folder, and waits until both answer. A daemon that
 * this machine runs for somebody else is neither used nor touched. `daemons.sh` ends them, at the latest when this process ends.
 */
export async function startDaemons(): Promise<{ daemons: Daemons; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-clients-"));
  // Root inside a container is another user outside, and has to reach its root file system below this folder.
  await chmod(folder, 0o711);
  const daemons = { folder, incus: join(folder, "incus"), lxd: join(folder, "lxd") };
  // Detached, so that a signal to the group of this process ends the tests, and only then the daemons.
  const keeper = spawn("bash", [join(import.meta.dirname, "daemons.sh"), folder], {
    stdio: ["pipe", "ignore", "inherit"],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => keeper.once("exit", () => resolve()));
  const stop = async () => {
    keeper.stdin.end();
    await ended;
  };
  try {
    await Promise.all(PROGRAMS.map((program) => prepare(daemons, program)));
  } catch (error) {
    const logs = await Promise.all(
      PROGRAMS.map(({ family }) => readFile(join(folder, `${family}.log`), "utf8").catch(() => "")),
    );
    await stop();
    throw new Error(`the daemons did not start:\n${logs.join("\n")}`, { cause: error });
  }
  return { daemons, stop };
}

async function prepare(daemons: Daemons, { client }: Program): Promise<void> {
  const env = { HOME: join(daemons.folder, "setup"), ...daemonEnvironment(daemons) };
  const deadline = Date.now() + 60_000;
  for (;;) {
    const answer = await attempt(client, ["info"], { env, timeoutMs: 20_000 });
    if (answer.status === 0) break;
    if (Date.now() > deadline) throw new Error(`${client} info: ${answer.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await run(client, ["storage", "create", "default", "dir"], { env });
  await run(client, ["profile", "device", "add", "default", "root", "disk", "path=/", "pool=default"], {
    env,
  });
}

/** Removes every instance and image, so that the next test sees a daemon that holds nothing. */
export async function emptyDaemons(daemons: Daemons): Promise<void> {
  const env = { HOME: join(daemons.folder, "setup"), ...daemonEnvironment(daemons) };
  await Promise.all(
    PROGRAMS.map(async ({ client }) => {
      for (const { name } of await rows(client, ["list"], env)) {
        await run(client, ["delete", "--force", String(name)], { env });
      }
      for (const { fingerprint } of await rows(client, ["image", "list"], env)) {
        await run(client, ["image", "delete", String(fingerprint)], { env });
      }
    }),
  );
}

async function rows(
  client: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Record<string, unknown>[]> {
  return JSON.parse(await run(client, [...args, "--format", "json"], { env })) as Record<string, unknown>[];
}

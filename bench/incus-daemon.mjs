import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const KEEPER = join(import.meta.dirname, "../test/clients/daemons.sh");

/**
 * An Incus daemon of our own, as the tests have it: all its state in a new folder, which goes with it. The one that this machine runs for
 * somebody else is neither used nor touched.
 */
export async function startIncus() {
  const folder = mkdtempSync(join(tmpdir(), "headwater-daemon-"));
  chmodSync(folder, 0o711);
  const keeper = spawn("bash", [KEEPER, folder], { stdio: ["pipe", "ignore", "inherit"], detached: true });
  const ended = new Promise((resolve) => keeper.once("exit", resolve));
  const stop = async () => {
    keeper.stdin.end();
    await ended;
  };
  const own = { INCUS_DIR: join(folder, "incus"), LXD_DIR: join(folder, "lxd"), INCUS_SOCKET: "" };
  const env = { ...process.env, HOME: join(folder, "setup"), ...own };
  /** Runs the command line, and returns what it prints. */
  const incus = (...words) =>
    execFileSync("incus", words, { env, encoding: "utf8", maxBuffer: 1 << 24, stdio: "pipe" });
  try {
    // Nobody uses the LXD that comes with it; it shall have started all the same when something is timed.
    for (const client of ["incus", "lxc"]) await answering(client, env);
    incus("storage", "create", "default", "dir");
  } catch (error) {
    const log = readFileSync(join(folder, "incus.log"), "utf8");
    await stop();
    throw new Error(`no Incus daemon: ${log}`, { cause: error });
  }
  return { env, incus, stop };
}

async function answering(client, env) {
  for (let tries = 0; tries < 300; tries++) {
    if (spawnSync(client, ["info"], { env, timeout: 20_000 }).status === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${client} finds no daemon`);
}

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { attempt, run } from "./program.ts";
import { daemons } from "./user.ts";

/** An incusd with a state of its own, which a test may kill: the daemons of the run belong to all tests. It has images and no instances. */
export class OwnDaemon {
  readonly env: Readonly<Record<string, string>>;
  readonly socket: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string) {
    this.env = { HOME: folder, INCUS_DIR: join(folder, "incus") };
    this.socket = join(folder, "incus", "unix.socket");
  }

  static async start(): Promise<OwnDaemon> {
    const folder = await mkdtemp(join(daemons().folder, "own-"));
    const daemon = new OwnDaemon(folder);
    await mkdir(join(folder, "incus"), { mode: 0o711 });
    await daemon.start();
    return daemon;
  }

  /** Starts it, also again, and waits until it answers. */
  async start(): Promise<void> {
    // With the test worker the daemon goes too, however that ends.
    const args = ["--pdeathsig", "KILL", "/usr/libexec/incus/incusd", "--group", "root"];
    this.#child = spawn("setpriv", args, {
      env: { PATH: process.env["PATH"], ...this.env },
      stdio: "ignore",
    });
    const deadline = Date.now() + 60_000;
    for (;;) {
      const { status, stderr } = await attempt("incus", ["info"], { env: this.env, timeoutMs: 20_000 });
      if (status === 0) return;
      if (Date.now() > deadline) throw new Error(`the daemon does not answer: ${stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  run(...args: readonly string[]): Promise<string> {
    return run("incus", args, { env: this.env });
  }

  /** As the power fails. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

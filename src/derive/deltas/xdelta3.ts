import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import type { Readable, Writable } from "node:stream";
import { SEARCH_PATH } from "../../image/compression/filter-program.ts";
import type { OpenFile } from "../../store/blob-files.ts";

const MIB = 1024 * 1024;
const SMALLEST_WINDOW = 64 * MIB;
/** xdelta3 takes no larger one. */
const LARGEST_WINDOW = 2048 * MIB;

/** How much of the old file xdelta3 has at hand, a power of two: all of it, since it is both faster and finds more that way. */
export function windowFor(baseSize: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(baseSize, 1)));
  return Math.min(Math.max(power, SMALLEST_WINDOW), LARGEST_WINDOW);
}

/**
 * Without secondary compression, which halves the time and loses nothing, as a squashfs is compressed already; at level 1, which takes the
 * least memory for the same result; and without file names in the header, so that the same files give the same delta.
 */
export function encodeArguments(baseSize: number): string[] {
  return ["-e", "-c", "-A=", "-S", "none", "-1", "-B", String(windowFor(baseSize))];
}

/** The base is the fourth descriptor: a file that loses its name meanwhile can still be read. */
const BASE = ["-s", "/dev/fd/3"];

/** A started program: what it prints, and how it ends. */
export interface Running {
  readonly stdout: Readable;
  readonly stdin: Writable | null;
  /** Resolves once it has ended and all it printed was read: undefined when it was content, else what it said. */
  readonly complaint: Promise<string | undefined>;
  kill(): void;
}

/** The xdelta3 program, as Incus and LXD use it. Everything it does runs behind all other work of the machine. */
export class Xdelta3 {
  readonly #command: string;

  /** @param command the program; another one for tests */
  constructor(command = "xdelta3") {
    this.#command = command;
  }

  /** Whether it can be started at all. */
  async isInstalled(): Promise<boolean> {
    const child = this.#spawn(["-V"], ["ignore", "ignore", "ignore"]);
    try {
      await once(child, "exit");
      return true;
    } catch {
      return false;
    }
  }

  /** Prints the delta from one file to the other. */
  encode(base: OpenFile, baseSize: number, root: OpenFile): Running {
    return running(this.#spawn([...encodeArguments(baseSize), ...BASE], [root.fd, "pipe", "pipe", base.fd]));
  }

  /** Prints what a client would make of the delta that it is fed. */
  decode(base: OpenFile): Running {
    return running(this.#spawn(["-d", "-c", ...BASE], ["pipe", "pipe", "pipe", base.fd]));
  }

  #spawn(args: readonly string[], stdio: ("ignore" | "pipe" | number)[]): ChildProcess {
    // Neither its language nor its options (XDELTA) may depend on who runs Headwater.
    const child = spawn(this.#command, args, { stdio, env: { PATH: SEARCH_PATH, LC_ALL: "C" } });
    try {
      if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    } catch {
      // It has ended already, or the system has no such thing.
    }
    return child;
  }
}

function running(child: ChildProcess): Running {
  const { stdin, stdout, stderr } = child;
  const failure = new Promise<string>((resolve) => child.once("error", (error) => resolve(error.message)));
  // Without a descriptor to spare there are no pipes at all; the reason comes as an event, which somebody must listen to.
  if (!stdout || !stderr) throw new Error(`${child.spawnfile} cannot be started: too many open files`);
  let said = "";
  stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(0, 1000);
  });
  // A program that ends early has not read everything; its status tells.
  stdin?.on("error", () => undefined);
  const end = new Promise<string | undefined>((resolve) => {
    child.once("close", (status, signal) =>
      resolve(status === 0 ? undefined : said.trim() || `it ended with ${signal ?? status}`),
    );
  });
  return { stdout, stdin, complaint: Promise.race([failure, end]), kill: () => child.kill("SIGKILL") };
}

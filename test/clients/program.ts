import { spawn } from "node:child_process";

/** What a program printed, and how it ended. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** Default two minutes: an image copy that hangs is a finding, not something to wait for. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end, whatever its exit status. Nothing of the caller's environment but PATH reaches it. */
export function attempt(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { PATH: process.env["PATH"], LANG: "C.UTF-8", ...options.env },
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      timeout: options.timeoutMs ?? 120_000,
      killSignal: "SIGKILL",
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin?.end(options.input);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const stderr = Buffer.concat(err).toString();
      resolve({
        stdout: Buffer.concat(out).toString(),
        stderr: signal === null ? stderr : `${stderr}\n(ended by ${signal})`,
        status: code ?? 128,
      });
    });
  });
}

/** Runs a program that must succeed, and returns what it wrote to stdout. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const outcome = await attempt(program, args, options);
  if (outcome.status !== 0) {
    throw new Error(
      `${program} ${args.join(" ")} ended with ${outcome.status}:\n${outcome.stderr}${outcome.stdout}`,
    );
  }
  return outcome.stdout;
}

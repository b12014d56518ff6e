import { spawn, spawnSync } from "node:child_process";
import type { TestContext } from "vitest";

/** Skips a test, with the reason in its result, where a program that makes its input is not installed. */
export function needProgram(context: TestContext, ...programs: readonly string[]): void {
  for (const program of programs) {
    const found = spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
    if (!found) context.skip(`${program} is not installed`);
  }
}

/** Runs a program over bytes and gives its output. */
export async function through(input: Uint8Array, command: string, ...args: string[]): Promise<Buffer> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  // A program that needs no input may be gone before it is written.
  child.stdin.on("error", () => undefined).end(input);
  const status = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0) throw new Error(`${command} ended with ${String(status)}`);
  return Buffer.concat(output);
}

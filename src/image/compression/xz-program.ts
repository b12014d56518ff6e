import { spawn } from "node:child_process";
import { Duplex, type Transform } from "node:stream";
import { HeadwaterError } from "../../error.ts";
import { damaged } from "./damage.ts";
import { throughTransform } from "./through-transform.ts";
import type { XzFormat } from "./xz.ts";

/** Decodes with the `xz` program, which has to be installed, under a memory limit in bytes. */
export async function* decodeWithXzProgram(
  source: AsyncIterable<Uint8Array>,
  format: XzFormat,
  name: string,
  memoryLimit: number,
): AsyncGenerator<Uint8Array> {
  const arguments_ = ["-dc", `--format=${format}`, `--memlimit-decompress=${memoryLimit}`];
  const child = spawn("xz", arguments_, { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(0, 1000);
  });
  const ended = new Promise<Error | undefined>((resolve) => {
    child.once("error", (cause) => resolve(missing(name, format, cause)));
    child.once("close", (status) => resolve(status === 0 ? undefined : failed(name, format, said)));
  });
  try {
    const pipes = Duplex.from({ writable: child.stdin, readable: child.stdout }) as unknown as Transform;
    const explain = (cause: unknown): HeadwaterError => failed(name, format, String(cause));
    yield* preferring(throughTransform(source, pipes, explain), ended);
    const failure = await ended;
    if (failure !== undefined) throw failure;
  } finally {
    child.kill();
  }
}

/** What the program itself has to say is a better message than the broken pipe that follows from it. */
async function* preferring(
  bytes: AsyncIterable<Uint8Array>,
  ended: Promise<Error | undefined>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    if (error instanceof HeadwaterError && error.details["format"] === undefined) throw error;
    throw (await ended) ?? error;
  }
}

function missing(name: string, format: XzFormat, cause: unknown): HeadwaterError {
  return new HeadwaterError(
    "FILE_UNSUPPORTED",
    `${name} is ${format}, and neither lzma-native nor the xz program works on this machine`,
    { hint: "Install the xz program (Debian: apt install xz-utils).", details: { format }, cause },
  );
}

function failed(name: string, format: XzFormat, said: string): HeadwaterError {
  return damaged(name, format, `xz says ${JSON.stringify(said.trim())}`);
}

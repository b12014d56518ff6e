#!/usr/bin/env node
import { homedir } from "node:os";
import { createInterface } from "node:readline/promises";
import { HeadwaterError } from "../error.ts";
import type { Io, TextSink } from "./io.ts";
import { run } from "./run.ts";

/** Writes as long as somebody reads: `headwater list | head` ends without a word about the closed pipe. */
function sink(stream: NodeJS.WriteStream): TextSink {
  let isOpen = true;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    isOpen = false;
  });
  return {
    write(text) {
      if (isOpen) stream.write(text);
    },
    isTTY: stream.isTTY,
    columns: stream.columns ?? 100,
  };
}

function signals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      // The second one means it.
      if (controller.signal.aborted) process.exit(name === "SIGINT" ? 130 : 143);
      controller.abort(name);
    });
  }
  return controller.signal;
}

/** Asks on stderr, so that what is printed can go into a file. */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question, { signal: io.signal });
  } finally {
    lines.close();
  }
}

/** Waits until the bytes have been taken. */
function output(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (cause) => {
      if (cause === undefined || cause === null) resolve();
      else reject(new HeadwaterError("TARGET_UNUSABLE", "Nobody reads from the pipe any more.", { cause }));
    });
  });
}

const io: Io = {
  stdout: sink(process.stdout),
  stderr: sink(process.stderr),
  // Opened when it is asked for: whoever does not read it must not wait for its end.
  input: process.stdin.isTTY
    ? undefined
    : { [Symbol.asyncIterator]: () => process.stdin[Symbol.asyncIterator]() },
  output: process.stdout.isTTY ? undefined : output,
  env: process.env,
  cwd: process.cwd(),
  home: homedir(),
  isRoot: process.getuid?.() === 0,
  ask: process.stdin.isTTY && process.stderr.isTTY ? ask : undefined,
  signal: signals(),
};

const status = await run(process.argv.slice(2), io);
if (io.signal.aborted) process.exit(status);
process.exitCode = status;

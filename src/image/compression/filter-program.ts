import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import type { HeadwaterError } from "../../error.ts";
import { feed } from "../feed.ts";

/** A program that turns bytes into other bytes, started and waiting for input. Run it once. */
export type FilterProgram = (
  source: AsyncIterable<Uint8Array>,
  explain: (said: string) => HeadwaterError,
) => AsyncGenerator<Uint8Array>;

/** Starts a program by its name; undefined when it is not installed. */
export async function startFilter(
  command: string,
  args: readonly string[],
): Promise<FilterProgram | undefined> {
  // The language of its messages must not depend on who runs Headwater, nor may its options.
  const child = spawn(command, args, { env: { PATH: SEARCH_PATH, LC_ALL: "C" } });
  try {
    await once(child, "spawn");
  } catch {
    // Not installed, or not to be run by this user: the caller has another way or says what to install.
    return undefined;
  }
  return (source, explain) => run(child, source, explain);
}

/** Where programs are looked for, whoever runs Headwater. */
export const SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin";

async function* run(
  child: ChildProcessWithoutNullStreams,
  source: AsyncIterable<Uint8Array>,
  explain: (said: string) => HeadwaterError,
): AsyncGenerator<Uint8Array> {
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(0, 1000);
  });
  const feeding = feed(source, child.stdin);
  try {
    for await (const chunk of child.stdout as AsyncIterable<Uint8Array>) yield chunk;
    const status = await closed;
    // With its input broken off, the program may well be content with what it got.
    if (feeding.failure() !== undefined) throw feeding.failure();
    if (status !== 0) throw explain(said.trim());
  } finally {
    child.kill();
    await feeding.settled;
  }
}

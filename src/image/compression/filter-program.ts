import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { setPriority } from "node:os";
import { PassThrough, type Readable, type Writable } from "node:stream";
import type { HeadwaterError } from "../../error.ts";
import { feed } from "../feed.ts";

/** A program that turns bytes into other bytes, started and waiting for input. Run it once. */
export type FilterProgram = (
  source: AsyncIterable<Uint8Array>,
  explain: (said: string) => HeadwaterError,
) => AsyncGenerator<Uint8Array>;

/** A program that reads a file by itself and writes bytes, started. Run it once. */
export type ReadingProgram = (explain: (said: string) => HeadwaterError) => AsyncGenerator<Uint8Array>;

export interface ProgramOptions {
  /** Runs behind everything else that wants the processor. */
  readonly isNice?: boolean;
  /** Where programs are looked for. */
  readonly path?: string;
  /** Ends it at once, whatever it is at; whoever runs it gets the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Starts a program by its name; undefined when it is not installed. */
export async function startFilter(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<FilterProgram | undefined> {
  const child = await start(command, args, ["pipe", "pipe", "pipe"], options);
  if (child === undefined) return undefined;
  return (source, explain) => run(child, source, explain);
}

/** The same for a program whose standard input is an open file, in which it may jump. The caller closes the file afterwards. */
export async function startReading(
  command: string,
  args: readonly string[],
  { fd, ...options }: ProgramOptions & { readonly fd: number },
): Promise<ReadingProgram | undefined> {
  const child = await start(command, args, [fd, "pipe", "pipe"], options);
  if (child === undefined) return undefined;
  return (explain) => output(child, explain);
}

/** Where programs are looked for, whoever runs Headwater. */
export const SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin";

interface Running {
  readonly child: ChildProcess;
  readonly signal: AbortSignal | undefined;
  readonly stdout: Readable;
  /** Its status, and what it said last. */
  readonly ended: Promise<{ readonly status: number | null; readonly said: string }>;
}

async function start(
  command: string,
  args: readonly string[],
  stdio: StdioOptions,
  { isNice = false, path = SEARCH_PATH, signal }: ProgramOptions,
): Promise<Running | undefined> {
  signal?.throwIfAborted();
  // The language of its messages must not depend on who runs Headwater, nor may its options.
  const child = spawn(command, args, { stdio, env: { PATH: path, LC_ALL: "C" } });
  try {
    await once(child, "spawn");
  } catch {
    // Not installed, or not to be run by this user: the caller has another way or says what to install.
    return undefined;
  }
  if (isNice) makeNice(child.pid);
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-1000);
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  // It may be waiting for input, or never say another word.
  const stop = (): void => void child.kill("SIGKILL");
  if (signal?.aborted === true) stop();
  signal?.addEventListener("abort", stop, { once: true });
  child.once("close", () => signal?.removeEventListener("abort", stop));
  // What a program leaves unread when it ends is thrown away, and it may end before anybody has asked for its first byte.
  const stdout = (child.stdout as Readable).pipe(new PassThrough());
  return { child, signal, stdout, ended: ended.then((status) => ({ status, said: said.trim() })) };
}

function makeNice(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, 10);
  } catch {
    // It has ended already, or the system does not let it: then it runs as others do.
  }
}

async function* run(
  running: Running,
  source: AsyncIterable<Uint8Array>,
  explain: (said: string) => HeadwaterError,
): AsyncGenerator<Uint8Array> {
  const { child } = running;
  const feeding = feed(source, child.stdin as Writable);
  try {
    // With its input broken off, the program may well be content with what it got, or complain of that.
    yield* output(running, explain);
  } catch (error) {
    throw feeding.failure() ?? error;
  } finally {
    child.kill();
    await feeding.settled;
  }
  if (feeding.failure() !== undefined) throw feeding.failure();
}

async function* output(
  { child, signal, stdout, ended }: Running,
  explain: (said: string) => HeadwaterError,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stdout) yield chunk as Uint8Array;
    const { status, said } = await ended;
    signal?.throwIfAborted();
    if (status !== 0) throw explain(said);
  } finally {
    child.kill();
  }
}

import { tmpdir } from "node:os";
import type { Io, TextSink } from "../../src/cli/io.ts";
import { run } from "../../src/cli/run.ts";

export interface Captured {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FakeIo extends Io {
  stdoutText(): string;
  stderrText(): string;
}

export interface FakeIoOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly home?: string;
  readonly isRoot?: boolean;
  readonly isTTY?: boolean;
  readonly signal?: AbortSignal;
  /** What a person at the terminal answers, one after the other. Left out: nobody is there. */
  readonly answers?: readonly string[];
}

/** An `Io` that remembers what was written. */
export function fakeIo(options: FakeIoOptions = {}): FakeIo {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const sink = (parts: string[]): TextSink => ({
    write: (text) => void parts.push(text),
    isTTY: options.isTTY ?? false,
    columns: 100,
  });
  return {
    stdout: sink(stdout),
    stderr: sink(stderr),
    env: options.env ?? {},
    cwd: options.cwd ?? tmpdir(),
    home: options.home ?? "/nowhere",
    isRoot: options.isRoot ?? false,
    signal: options.signal ?? new AbortController().signal,
    ask: askedOf(options.answers, (text) => void stderr.push(text)),
    stdoutText: () => stdout.join(""),
    stderrText: () => stderr.join(""),
  };
}

function askedOf(answers: readonly string[] | undefined, show: (text: string) => void): Io["ask"] {
  if (answers === undefined) return undefined;
  const left = [...answers];
  return async (question) => {
    show(question);
    return left.shift() ?? "";
  };
}

/** Runs a command line with captured output. */
export async function headwater(argv: readonly string[], options: FakeIoOptions = {}): Promise<Captured> {
  const io = fakeIo(options);
  const status = await run(argv, io);
  return { status, stdout: io.stdoutText(), stderr: io.stderrText() };
}

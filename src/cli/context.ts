import type { Format } from "./format.ts";
import type { Io } from "./io.ts";
import { visible } from "./visible.ts";

/** What every command gets: the process around it, and a way to end with a status other than 0. */
export interface Context {
  readonly io: Io;
  /** Ends with this status instead of 0; for a command that did its work and found something. */
  exitWith(status: number): void;
  /** Says that this command ends by itself, with its own status, when `io.signal` is aborted: a server drains. */
  ownSignal(): void;
}

/** Options every command takes. */
export interface GlobalOptions {
  readonly data?: string | undefined;
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  /** False with `--no-sign`, which publishing commands take. */
  readonly sign?: boolean | undefined;
}

/** `--format`, or what `--json` says, or the table. */
export function formatOf(options: GlobalOptions & { readonly format?: Format }): Format {
  return options.json === true ? "json" : (options.format ?? "table");
}

/** A line for the person at the terminal, on stderr. Not with `--quiet`, and not with `--json`, where results say it. */
export function notice(io: Io, options: GlobalOptions, line: string): void {
  if (options.quiet !== true && options.json !== true) io.stderr.write(`${visible(line)}\n`);
}

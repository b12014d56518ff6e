import type { Command } from "commander";
import { DAMAGE, DONE, EXIT_STATUSES, FAILED, WRONG_USAGE } from "./exit-status.ts";

export interface Help {
  /** Command lines without `headwater`, each with what it does. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Statuses this command can end with besides 0, 1 and 2. */
  readonly statuses?: readonly number[];
  /** What statuses mean for this command, where that says more than the general meaning. */
  readonly meanings?: Readonly<Record<number, string>>;
}

/** Gives a command the two sections that every `--help` ends with: examples and exit statuses. */
export function withHelp(command: Command, { examples, statuses = [], meanings = {} }: Help): Command {
  const shown = examples.map(([line, meaning]) => `  headwater ${line}\n      ${meaning}`);
  const ends = [DONE, FAILED, WRONG_USAGE, ...statuses].map(
    (status) => `  ${String(status).padEnd(4)}${meanings[status] ?? EXIT_STATUSES.get(status) ?? ""}`,
  );
  return command.addHelpText(
    "after",
    `\n${examples.length === 1 ? "Example" : "Examples"}:\n${shown.join("\n")}\n\nExit status:\n${ends.join("\n")}\n`,
  );
}

/** Statuses of everything that opens a store. */
export const STORE_STATUSES: readonly number[] = [6];
/** Statuses of what looks something up in a store. */
export const LOOKUP_STATUSES: readonly number[] = [3, 6];
/** Statuses of what reads the bytes of a store. */
export const BYTES_STATUSES: readonly number[] = [6, DAMAGE];

import { setTimeout } from "node:timers/promises";
import { CommanderError } from "commander";
import { HeadwaterError } from "../error.ts";
import type { Context } from "./context.ts";
import { DONE, statusOfSignal, WRONG_USAGE } from "./exit-status.ts";
import type { Io } from "./io.ts";
import { createProgram } from "./program.ts";
import { reportError } from "./report-error.ts";
import { version } from "./version.ts";

/** After Ctrl-C, how long a command may take to leave things tidy. What it leaves behind then is found by its successors. */
const TIDY_UP_MS = 5000;

/** Runs one command line (without `node` and the script) and returns the exit status. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let status = DONE;
  let ownsSignal = false;
  const context: Context = {
    io,
    exitWith: (other) => {
      status = other;
    },
    ownSignal: () => {
      ownsSignal = true;
    },
  };
  const program = createProgram(context);
  if (argv.length === 0) {
    program.outputHelp({ error: true });
    return WRONG_USAGE;
  }
  // Not an option of the program, since `add --version NAME` means the version of an image.
  if (argv[0] === "--version" || argv[0] === "-V") {
    io.stdout.write(`${version()}\n`);
    return DONE;
  }
  const over = new AbortController();
  try {
    const finished = program.parseAsync([...argv], { from: "user" });
    await Promise.race([
      finished,
      interrupted(io.signal, over.signal, () => (ownsSignal ? finished : undefined)),
    ]);
    return io.signal.aborted && !ownsSignal ? statusOfSignal(io.signal.reason) : status;
  } catch (error) {
    if (io.signal.aborted && !(error instanceof HeadwaterError)) return statusOfSignal(io.signal.reason);
    if (error instanceof CommanderError && error.exitCode === 0) return DONE;
    const json = argv.includes("--json");
    return reportError(error instanceof CommanderError ? usageError(error, argv) : error, io, json);
  } finally {
    over.abort();
  }
}

/** Settles some time after the signal came, for a command that does not look at it; after `own` when that looks itself. */
async function interrupted(
  signal: AbortSignal,
  over: AbortSignal,
  own: () => Promise<unknown> | undefined,
): Promise<void> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await own();
  // Rejects when the command ended first, which nobody waits for any more.
  await setTimeout(TIDY_UP_MS, undefined, { signal: over });
}

/** commander's text is "error: what happened", and on a second line what was perhaps meant. */
function usageError(error: CommanderError, argv: readonly string[]): HeadwaterError {
  if (error.code === "commander.help") {
    return new HeadwaterError("USAGE", `"${argv.join(" ")}" needs a subcommand`, { hint: helpHint(argv) });
  }
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const hint = [suggestion?.replace(/^\((.*)\)$/, "$1"), helpHint(argv)]
    .filter((line) => line !== undefined)
    .join(" ");
  return new HeadwaterError("USAGE", message, { hint });
}

function helpHint(argv: readonly string[]): string {
  const verb = argv.find((word) => !word.startsWith("-"));
  return `See: headwater ${verb === undefined || !/^[a-z][a-z-]*$/.test(verb) ? "" : `${verb} `}--help`;
}

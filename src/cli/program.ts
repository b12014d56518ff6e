import { Command } from "commander";
import { completionCommand } from "./commands/completion.ts";
import type { Context } from "./context.ts";
import { version } from "./version.ts";

/**
 * The whole command tree. Names, options and help are here at once, for help and completion; what a command needs to do
 * its work it imports when it runs, so that `list` starts at once.
 */
export function createProgram(context: Context): Command {
  const program = new Command("headwater")
    .description(
      "The image server for Incus and LXD: takes images from files and serves them, read-only, to a whole site.",
    )
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .option(
      "--data <folder>",
      "the store to use (else $HEADWATER_DATA, /var/lib/headwater, or your data folder)",
    )
    .option("--config <file>", "the configuration file (else headwater.yaml in the store)")
    .option("--json", "print results, and errors, as JSON")
    .option("--quiet", "print results and errors only")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => context.io.stdout.write(text),
      writeErr: (text) => context.io.stderr.write(text),
      // Usage errors are thrown, and reported like all others.
      outputError: () => undefined,
      getOutHelpWidth: () => context.io.stdout.columns,
      getErrHelpWidth: () => context.io.stderr.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride();
  for (const add of COMMANDS) add(program, context);
  return program;
}

/** In the order of the help. */
const COMMANDS: readonly ((program: Command, context: Context) => void)[] = [completionCommand];

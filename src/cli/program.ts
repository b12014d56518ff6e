import { Command } from "commander";
import { addCommand } from "./commands/add.ts";
import { aliasCommand } from "./commands/alias.ts";
import { backupCommand } from "./commands/backup.ts";
import { bundleCommand } from "./commands/bundle.ts";
import { certificateCommand } from "./commands/certificate.ts";
import { completionCommand } from "./commands/completion.ts";
import { deltaCommand } from "./commands/delta.ts";
import { demoCommand } from "./commands/demo.ts";
import { diffCommand } from "./commands/diff.ts";
import { explainCommand } from "./commands/explain.ts";
import { exportTreeCommand } from "./commands/export-tree.ts";
import { historyCommand } from "./commands/history.ts";
import { keyCommand } from "./commands/key.ts";
import { listCommand } from "./commands/list.ts";
import { lxcCommand } from "./commands/lxc.ts";
import { pullCommand } from "./commands/pull.ts";
import { pinCommand, pinsCommand, unpinCommand } from "./commands/pin.ts";
import { pruneCommand } from "./commands/prune.ts";
import { removeCommand } from "./commands/remove.ts";
import { rollbackCommand } from "./commands/rollback.ts";
import { serveCommand } from "./commands/serve.ts";
import { showCommand } from "./commands/show.ts";
import { syncCommand } from "./commands/sync.ts";
import { upstreamCommand } from "./commands/upstream.ts";
import { usageCommand } from "./commands/usage.ts";
import { verifyCommand } from "./commands/verify.ts";
import type { Context } from "./context.ts";

/**
 * The whole command tree. Names, options and help are here at once, for help and completion; what a command needs to do
 * its work it imports when it runs, so that `list` starts at once.
 */
export function createProgram(context: Context): Command {
  const program = new Command("headwater")
    .description(
      "The image server for Incus and LXD: takes images from files and from other servers, and serves them, read-only, to a whole site.",
    )
    .helpOption("-h, --help", "show help")
    .option(
      "--data <folder>",
      "the store to use (else $HEADWATER_DATA, /var/lib/headwater, or your data folder)",
    )
    .option("--config <file>", "the configuration file (else headwater.yaml in the store)")
    .option("--json", "print results, and errors, as JSON")
    .option("--quiet", "print errors, and what was asked for, and nothing else")
    .addHelpText("after", "\nheadwater --version prints the version.")
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
const COMMANDS: readonly ((program: Command, context: Context) => void)[] = [
  demoCommand,
  serveCommand,
  addCommand,
  pullCommand,
  listCommand,
  showCommand,
  removeCommand,
  aliasCommand,
  upstreamCommand,
  syncCommand,
  explainCommand,
  historyCommand,
  diffCommand,
  rollbackCommand,
  verifyCommand,
  pinCommand,
  unpinCommand,
  pinsCommand,
  pruneCommand,
  usageCommand,
  deltaCommand,
  lxcCommand,
  backupCommand,
  exportTreeCommand,
  bundleCommand,
  certificateCommand,
  keyCommand,
  completionCommand,
];

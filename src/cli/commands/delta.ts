import type { Command } from "commander";
import type { Context } from "../context.ts";
import type { DeltaCommandOptions } from "../delta-store.ts";
import { STORE_STATUSES, withHelp } from "../help.ts";
import { NO_SIGN } from "../no-sign.ts";

export function deltaCommand(program: Command, context: Context): void {
  const command = program
    .command("delta")
    .description(
      "Make deltas now: for the newest version of each product, the difference from the version before, which daemons that hold that one download instead of the whole root. serve does it by itself with deltas: true. Needs the xdelta3 program.",
    )
    .option("--dry-run", "only say for which versions a delta would be tried")
    .option("--again", "try also what was not worth it, or failed, in an earlier run")
    .option(...NO_SIGN)
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<DeltaCommandOptions>();
      const { deltaStore } = await import("../delta-store.ts");
      await deltaStore(context, options);
    });
  withHelp(command, {
    examples: [
      ["delta --dry-run", "which products have a newest version without a delta, and why"],
      ["delta", "make them, one after the other, in the background of whatever else the machine does"],
    ],
    statuses: [...STORE_STATUSES, 11],
    meanings: { 1: "failed; or xdelta3 is missing, or failed on a version" },
  });
}

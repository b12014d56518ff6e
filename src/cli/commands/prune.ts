import type { Command } from "commander";
import type { Context } from "../context.ts";
import { STORE_STATUSES, withHelp } from "../help.ts";
import { NO_SIGN } from "../no-sign.ts";
import type { PruneCommandOptions } from "../prune-store.ts";

export function pruneCommand(program: Command, { io }: Context): void {
  const command = program
    .command("prune")
    .description(
      "Take off the lists what no rule of retention keeps, then make room: give up old generations, put aside files that no kept one names. serve does it hourly.",
    )
    .option("--dry-run", "only say what would go, why, and how much room that makes when")
    .option(
      "--grace <time>",
      "how long generations are kept after the next one came, such as 24h (the default) or 0",
    )
    .option("--free-now", "delete at once what is put aside (else the next prune does)")
    .option(...NO_SIGN)
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<PruneCommandOptions>();
      const { pruneStore } = await import("../prune-store.ts");
      await pruneStore(io, options);
    });
  withHelp(command, {
    examples: [
      ["prune --dry-run", "what would go, and how much room that makes"],
      ["prune --grace 1h --free-now", "when the disk is full; clients cache lists for an hour"],
    ],
    statuses: [...STORE_STATUSES, 11],
  });
}

import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { LOOKUP_STATUSES, withHelp } from "../help.ts";
import { NO_SIGN } from "../no-sign.ts";

interface RemoveOptions extends GlobalOptions {
  readonly now?: boolean;
  readonly dryRun?: boolean;
}

export function removeCommand(program: Command, { io }: Context): void {
  const command = program
    .command("remove")
    .description(
      "Take images out of what is served. Their files stay for the grace period, since clients cache lists.",
    )
    .argument(
      "<images...>",
      "aliases (their newest version), products (all versions), or beginnings of fingerprints",
    )
    .option("--now", "for a leaked secret: out of every kept generation and off the disk, at once")
    .option("--dry-run", "only say what would happen")
    .option(...NO_SIGN)
    .action(async (targets: readonly string[], _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<RemoveOptions>();
      const { storeToChange } = await import("../open-store.ts");
      const store = await storeToChange(io, options);
      const { remove } = await import("../../curate/remove.ts");
      const removed = await remove(store, targets, {
        now: options.now === true,
        dryRun: options.dryRun === true,
      });
      const { printRemoved } = await import("../print-removed.ts");
      printRemoved(io, options, store, removed);
    });
  withHelp(command, {
    examples: [
      ["remove 3fa9c0d1", "one build"],
      ["remove --now secrets/1", "the newest build behind an alias, and every trace of it"],
    ],
    statuses: [...LOOKUP_STATUSES, 11],
  });
}

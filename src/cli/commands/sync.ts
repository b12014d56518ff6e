import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { withHelp } from "../help.ts";
import { NO_SIGN } from "../no-sign.ts";

interface SyncOptions extends GlobalOptions {
  readonly dryRun?: boolean;
}

export function syncCommand(program: Command, context: Context): void {
  const command = program
    .command("sync")
    .description("Bring upstreams up to date now. A running server does so by itself, on its own schedule.")
    .argument("[names...]", "the upstreams; all of them when none is named")
    .option("--dry-run", "say what would come, go and stay, and change nothing")
    .option(...NO_SIGN)
    .action(async (names: readonly string[], _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<SyncOptions>();
      const dryRun = options.dryRun === true;
      const { readSettings } = await import("../settings.ts");
      const { config } = await readSettings(context.io, options);
      const { storeToFill, storeToTry } = await import("../open-store.ts");
      const { syncUpstreams } = await import("../sync-upstreams.ts");
      const opened = dryRun ? await storeToTry(context.io, options) : undefined;
      const store = opened?.store ?? (await storeToFill(context.io, options));
      try {
        await syncUpstreams(context, options, { store, config, names, dryRun });
      } finally {
        await opened?.remove();
      }
    });
  withHelp(command, {
    examples: [
      ["sync", "all upstreams"],
      ["sync ubuntu --dry-run", "what would be downloaded, in images, files and bytes"],
    ],
    statuses: [3, 6, 9, 11],
  });
}

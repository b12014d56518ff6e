import type { Command } from "commander";
import { type Context, formatOf, type GlobalOptions } from "../context.ts";
import { type Format, formatOption } from "../format.ts";
import { STORE_STATUSES, withHelp } from "../help.ts";

interface HistoryOptions extends GlobalOptions {
  readonly format: Format;
  readonly all?: boolean;
}

export function historyCommand(program: Command, { io }: Context): void {
  const command = program
    .command("history")
    .description(
      "List what was published, newest first: what people changed, and whether it is kept, so that one can roll back to it and clients can have it as /@NUMBER.",
    )
    .option("--all", "also what was published to make room, by prune")
    .addOption(formatOption())
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<HistoryOptions>();
      const { storeToRead } = await import("../open-store.ts");
      const { pastGenerations } = await import("../past-generations.ts");
      const rows = await pastGenerations(await storeToRead(io, options), options.all === true);
      const { printListing } = await import("../output.ts");
      await printListing(io, formatOf(options), {
        rows,
        columns: [
          { title: "generation", value: (row) => row.generation, align: "right" },
          {
            title: "created",
            value: (row) => row.createdAt,
            shown: (row) => row.createdAt.slice(0, 16).replace("T", " "),
          },
          { title: "what", value: (row) => row.verb },
          { title: "about", value: (row) => row.text },
          { title: "kept", value: (row) => row.kept, shown: (row) => (row.kept ? "yes" : "no") },
        ],
      });
    });
  withHelp(command, {
    examples: [
      ["history", "what happened; rollback, diff and the URL of a frozen remote take one of the numbers"],
    ],
    statuses: STORE_STATUSES,
  });
}

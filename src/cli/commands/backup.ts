import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { BYTES_STATUSES, withHelp } from "../help.ts";

export function backupCommand(program: Command, { io }: Context): void {
  const command = program
    .command("backup")
    .description(
      "Copy the store into a folder, which is then a store itself. Others may go on reading and writing.",
    )
    .argument("<folder>", "where to; a second run into the same folder copies only what is new")
    .action(async (folder: string, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const { backUp } = await import("../back-up.ts");
      await backUp(io, options, folder);
    });
  withHelp(command, {
    examples: [
      ["backup /mnt/backup/headwater", "everything that is listed, the certificate and the configuration"],
    ],
    statuses: BYTES_STATUSES,
  });
}

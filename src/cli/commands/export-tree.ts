import { type Command, Option } from "commander";
import { LINK_MODES } from "../../export/tree/bring.ts";
import type { Context } from "../context.ts";
import type { ExportTreeOptions } from "../export-to-folder.ts";
import { DAMAGE, KEY_TROUBLE, TARGET_TROUBLE } from "../exit-status.ts";
import { withHelp } from "../help.ts";

export function exportTreeCommand(program: Command, context: Context): void {
  const command = program
    .command("export-tree")
    .description(
      "Write what is listed and its files into a folder, for any web server. Readers of the folder never miss a file.",
    )
    .argument("<folder>", "where to; a second run into the same folder writes only what is new")
    .option("--stream <name>", "one image stream, with its root at the top of the folder")
    .option("--generation <which>", "not the newest: a number, or a day (2026-11-21: as it was at 00:00 UTC)")
    .addOption(
      new Option(
        "--link <how>",
        "how files come: auto (reflinks where the file system has them, else copies), or only one way",
      )
        .choices(LINK_MODES)
        .default("auto"),
    )
    .option(
      "--grace <time>",
      "how long a file stays that nothing lists any more, such as 24h (the default) or 0",
    )
    .option(
      "--checksum",
      "read every file and mend what differs, not only those with another size or time than noted",
    )
    .option("--check", "compare the folder with the store, file by file, and change nothing")
    .option("--dry-run", "only say what would be written and removed")
    .option("--no-sign", "leave lists that are made anew unsigned, also where the store has a key")
    .option("--force", "write also where other files are, and replace what is in the way")
    .action(async (folder: string, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<ExportTreeOptions>();
      const { exportToFolder } = await import("../export-to-folder.ts");
      await exportToFolder(context, options, folder);
    });
  withHelp(command, {
    examples: [
      ["export-tree /srv/www", "all that is listed; again after each change, from a timer or by hand"],
      ["export-tree /srv/www --check", "ends with 1 when the folder is not what the store says"],
      ["export-tree /srv/ubuntu --stream ubuntu --link hard", "one image stream, without taking any room"],
    ],
    statuses: [3, 6, DAMAGE, TARGET_TROUBLE, KEY_TROUBLE],
  });
}

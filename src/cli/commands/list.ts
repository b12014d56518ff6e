import type { Command } from "commander";
import { type Context, formatOf, type GlobalOptions } from "../context.ts";
import { type Format, formatOption } from "../format.ts";
import { STORE_STATUSES, withHelp } from "../help.ts";

interface ListOptions extends GlobalOptions {
  readonly format: Format;
}

export function listCommand(program: Command, { io }: Context): void {
  const command = program
    .command("list")
    .description("List the images that are served, newest version first.")
    .argument("[filters...]", "words that an image must have, or key=value, key!=value, key~regex")
    .addOption(formatOption())
    .action(async (words: readonly string[], _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<ListOptions>();
      const { parseFilters } = await import("../filters.ts");
      const { filterable, IMAGE_COLUMNS, IMAGE_KEYS } = await import("../image-table.ts");
      const matches = parseFilters(words, IMAGE_KEYS);
      const { storeToRead } = await import("../open-store.ts");
      const { readImages } = await import("../read-images.ts");
      const { imageRows } = await import("../../views/image-rows.ts");
      const store = await storeToRead(io, options);
      const streams = await readImages(store);
      const rows = imageRows(streams).filter((image) => matches(filterable(image)));
      const { printListing } = await import("../output.ts");
      await printListing(io, formatOf(options), { rows, columns: IMAGE_COLUMNS });
      const { tellFailing } = await import("../tell-failing.ts");
      await tellFailing(io, options, { store, streams });
    });
  withHelp(command, {
    examples: [
      ["list debian arch=arm64 type=vm", "virtual machines of Debian for arm64"],
      ["list stream=ubuntu held=true", "what is here of an upstream"],
      ["list 'alias~^ubuntu/2[46]' newest=true -f csv", "the newest builds behind some aliases, as csv"],
    ],
    statuses: STORE_STATUSES,
  });
}

import type { Command } from "commander";
import { type Context, formatOf, type GlobalOptions } from "../context.ts";
import { type Format, formatOption } from "../format.ts";
import { LOOKUP_STATUSES, withHelp } from "../help.ts";

interface ShowOptions extends GlobalOptions {
  readonly format: Format;
}

export function showCommand(program: Command, { io }: Context): void {
  const command = program
    .command("show")
    .description("Show everything about an image: its files, aliases, requirements, and what clients see.")
    .argument("<image>", "an alias, a product, or the beginning of a fingerprint")
    .addOption(formatOption(["table", "json", "yaml"]))
    .action(async (target: string, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<ShowOptions>();
      const { storeToRead } = await import("../open-store.ts");
      const { readImages } = await import("../read-images.ts");
      const { findImages } = await import("../../curate/find-images.ts");
      const streams = await readImages(await storeToRead(io, options));
      const { printImages, withClients } = await import("../print-images.ts");
      const images = findImages(streams, target).map((image) => withClients(image, streams));
      await printImages(io, formatOf(options), images);
    });
  withHelp(command, {
    examples: [
      ["show debian/12", "what a client gets that launches this alias"],
      ["show debian:bookworm:default:amd64 --json", "every kept build of a product, for a program"],
    ],
    statuses: LOOKUP_STATUSES,
  });
}

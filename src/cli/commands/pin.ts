import type { Command } from "commander";
import { type Context, formatOf, type GlobalOptions } from "../context.ts";
import { type Format, formatOption } from "../format.ts";
import { LOOKUP_STATUSES, STORE_STATUSES, withHelp } from "../help.ts";

interface PinOptions extends GlobalOptions {
  readonly alias?: string;
  readonly note?: string;
}

const WHAT =
  "an image (the beginning of its fingerprint), a version (PRODUCT VERSION, or alias@version), the newest version of an alias, or a generation (@42, @2026-11-21)";

export function pinCommand(program: Command, { io }: Context): void {
  const command = program
    .command("pin")
    .description("Keep something, whatever the rules of retention, an upstream or a full cache say.")
    .argument("[what...]", WHAT)
    .option("--alias <alias>", "everything that this alias leads to, from the kept generations on")
    .option("--note <text>", "why, for whoever meets the pin later")
    .action(async (words: readonly string[], _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<PinOptions>();
      const { pinWish } = await import("../../curate/pin-wish.ts");
      const wish = pinWish(words, options.alias);
      const { storeToChange } = await import("../open-store.ts");
      const store = await storeToChange(io, options);
      const { pin } = await import("../../curate/pin.ts");
      const { printPinned } = await import("../print-pins.ts");
      printPinned(io, options, { store, ...(await pin(store, wish, { note: options.note })) });
    });
  withHelp(command, {
    examples: [
      ['pin 3fa9c0d1 --note "release 4.2"', "one image, by its fingerprint"],
      ["pin debian/12@20261121_0304", "one version of what an alias names"],
      ["pin --alias debian/12", "every build that debian/12 leads to, from now on as well"],
      ["pin @42", "all of generation 42: its frozen remote /@42/ stays"],
    ],
    statuses: LOOKUP_STATUSES,
  });
}

export function unpinCommand(program: Command, { io }: Context): void {
  const command = program
    .command("unpin")
    .description("Take a pin away. What only it kept goes with the next prune, or sync of its upstream.")
    .argument("[what...]", "what was pinned, as headwater pins shows it")
    .option("--alias <alias>", "the pin on an alias")
    .action(async (words: readonly string[], _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<PinOptions>();
      const { pinWish } = await import("../../curate/pin-wish.ts");
      const wish = pinWish(words, options.alias);
      const { storeToChange } = await import("../open-store.ts");
      const store = await storeToChange(io, options);
      const { unpin } = await import("../../curate/unpin.ts");
      const { printUnpinned } = await import("../print-pins.ts");
      printUnpinned(io, options, { store, ...(await unpin(store, wish)) });
    });
  withHelp(command, {
    examples: [
      ["unpin 3fa9c0d1", "the rules of retention count again for this image"],
      ["unpin --alias debian/12", "and for all that debian/12 has led to"],
    ],
    statuses: LOOKUP_STATUSES,
  });
}

export function pinsCommand(program: Command, { io }: Context): void {
  const command = program
    .command("pins")
    .description("List what is pinned, since when, why, and what each pin keeps.")
    .addOption(formatOption())
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions & { readonly format: Format }>();
      const { storeToRead } = await import("../open-store.ts");
      const { listPins } = await import("../../curate/list-pins.ts");
      const { printPins } = await import("../print-pins.ts");
      await printPins(io, formatOf(options), await listPins(await storeToRead(io, options)));
    });
  withHelp(command, {
    examples: [["pins --json", "all pins, for a program"]],
    statuses: STORE_STATUSES,
  });
}

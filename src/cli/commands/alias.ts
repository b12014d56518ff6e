import type { Command } from "commander";
import { type Context, formatOf, type GlobalOptions } from "../context.ts";
import { type Format, formatOption } from "../format.ts";
import { LOOKUP_STATUSES, STORE_STATUSES, withHelp } from "../help.ts";
import { NO_SIGN } from "../no-sign.ts";

/** `alias add|remove|list`. */
export function aliasCommand(program: Command, context: Context): void {
  const group = program.command("alias").description("Names that clients launch images by.");
  addCommand(group, context);
  removeCommand(group, context);
  listCommand(group, context);
}

function addCommand(group: Command, { io }: Context): void {
  const command = group
    .command("add")
    .description("Give a product one more alias. The newest version of the product is what clients get.")
    .argument("<alias>", "the new name, such as debian/stable")
    .argument("<product>", "a product, or an alias it has already")
    .option(...NO_SIGN)
    .action(async (alias: string, target: string, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const { storeToChange } = await import("../open-store.ts");
      const store = await storeToChange(io, options);
      const { addAlias } = await import("../../curate/alias.ts");
      const { printPublished } = await import("../print-published.ts");
      printPublished(io, options, { store, alias, ...(await addAlias(store, alias, target)) });
    });
  withHelp(command, {
    examples: [["alias add debian/stable debian/12", "debian/stable means what debian/12 means"]],
    statuses: [...LOOKUP_STATUSES.slice(0, 1), 5, ...STORE_STATUSES, 11],
  });
}

function removeCommand(group: Command, { io }: Context): void {
  const command = group
    .command("remove")
    .description("Take an alias away. The images stay.")
    .argument("<alias>", "the name to take away")
    .option(...NO_SIGN)
    .action(async (alias: string, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const { storeToChange } = await import("../open-store.ts");
      const store = await storeToChange(io, options);
      const { removeAlias } = await import("../../curate/alias.ts");
      const { printPublished } = await import("../print-published.ts");
      printPublished(io, options, { store, alias, ...(await removeAlias(store, alias)) });
    });
  withHelp(command, {
    examples: [["alias remove debian/stable", "clients no longer find debian/stable"]],
    statuses: [...LOOKUP_STATUSES, 11],
  });
}

function listCommand(group: Command, { io }: Context): void {
  const command = group
    .command("list")
    .description("List every alias with the product it names and the version clients get.")
    .addOption(formatOption())
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions & { readonly format: Format }>();
      const { storeToRead } = await import("../open-store.ts");
      const { listAliases } = await import("../../curate/alias.ts");
      const rows = await listAliases(await storeToRead(io, options));
      const { printListing } = await import("../output.ts");
      await printListing(io, formatOf(options), {
        rows,
        columns: [
          { title: "alias", value: (row) => row.alias },
          { title: "product", value: (row) => row.product },
          { title: "version", value: (row) => row.version },
          { title: "arch", value: (row) => row.arch },
          { title: "types", value: (row) => row.types },
        ],
      });
    });
  withHelp(command, {
    examples: [["alias list -f yaml", "all aliases, as yaml"]],
    statuses: STORE_STATUSES,
  });
}

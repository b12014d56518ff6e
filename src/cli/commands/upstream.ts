import { type Command, Option } from "commander";
import { type Context, formatOf, type GlobalOptions } from "../context.ts";
import { type Format, formatOption } from "../format.ts";
import { LOOKUP_STATUSES, STORE_STATUSES, withHelp } from "../help.ts";
import { repeatable } from "../repeatable.ts";
import type { UpstreamWishes } from "../upstream-wishes.ts";
import { wholeNumber } from "../whole-number.ts";
import { NO_SIGN } from "../no-sign.ts";

/** `upstream add|set|list|show|remove`. */
export function upstreamCommand(program: Command, context: Context): void {
  const group = program
    .command("upstream")
    .description(
      "Servers that images come from: copied by selection (mirror) or when first asked for (cache).",
    );
  addCommand(group, context);
  setCommand(group, context);
  listCommand(group, context);
  showCommand(group, context);
  removeCommand(group, context);
}

function addCommand(group: Command, context: Context): void {
  const command = withWishes(
    group
      .command("add")
      .description("Add an upstream: one that is known by name, or any simplestreams server.")
      .argument("<name-or-url>", "linuxcontainers, lxd, ubuntu, ubuntu-daily, ubuntu-minimal, or an address")
      .option("--name <name>", "what its image stream is called (else the name it is known by, or its host)")
      .option("--no-check", "write it down without asking the upstream"),
  )
    .option(...NO_SIGN)
    .action(async (target: string, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<
        GlobalOptions & UpstreamWishes & { name?: string; check: boolean }
      >();
      const { addUpstream } = await import("../add-upstream.ts");
      await addUpstream(context, options, {
        target,
        name: options.name,
        isChecked: options.check,
        wishes: options,
      });
    });
  withHelp(command, {
    examples: [
      [
        "upstream add linuxcontainers",
        "everything is listed; a file comes when the first machine asks for it",
      ],
      [
        "upstream add ubuntu --mode mirror --select 'release=noble,jammy arch=amd64 ftype=lxd.tar.xz,squashfs' --keep 2",
        "the two newest builds of two releases are copied and kept fresh",
      ],
      [
        "upstream add https://images.example --name partner --keyring partner.gpg",
        "only what that key signed",
      ],
    ],
    statuses: [5, 6, 9, 11],
  });
}

function setCommand(group: Command, context: Context): void {
  const command = withWishes(
    group
      .command("set")
      .description("Change settings of an upstream. What is not named stays.")
      .argument("<name>", "an upstream"),
  ).action(async (name: string, _options: unknown, self: Command) => {
    const options = self.optsWithGlobals<GlobalOptions & UpstreamWishes>();
    const { setUpstream } = await import("../add-upstream.ts");
    await setUpstream(context, options, { name, wishes: options });
  });
  withHelp(command, {
    examples: [
      ["upstream set ubuntu-daily --alias-prefix daily/", "its images are daily/24.04 and so on"],
      ["upstream set linuxcontainers --offline", "list what is here, and ask nobody"],
    ],
    statuses: LOOKUP_STATUSES,
  });
}

/** What can be wanted of an upstream; names and meanings are those of the configuration file. */
function withWishes(command: Command): Command {
  return command
    .addOption(new Option("--mode <mode>", "how files come").choices(["mirror", "cache"]))
    .option(
      "--select <conditions>",
      "which items, such as 'release=noble arch=amd64,arm64 ftype=squashfs,lxd.tar.xz'",
    )
    .option("--keep <number>", "newest versions of a product that a mirror keeps", wholeNumber)
    .option("--keep-dropped <time>", "how long a mirror keeps what the upstream dropped, such as 30d")
    .option("--alias-prefix <prefix>", "goes before its aliases, such as daily/")
    .option("--twins", "list its images for the other family of clients too")
    .option("--no-twins", "list its images for the clients that it names itself")
    .option("--lxc", "make a mirror's containers ready for LXC without a daemon too")
    .option("--no-lxc", "list its images for Incus and LXD only")
    .option("--offline", "list what is here, and ask nobody")
    .option("--no-offline", "ask it (again)")
    .option("--every <time>", "between two syncs of a running server, such as 1h")
    .addOption(
      new Option("--signatures <policy>", "with a keyring").choices(["required", "preferred", "off"]),
    )
    .option("--keyring <file>", "OpenPGP keys that its lists must be signed with")
    .option("--ca <file>", "the certificate of its CA, PEM")
    .option("--credentials <user:password>", "for HTTP basic authentication")
    .option("--alternate <url>", "another address of the same content (may repeat)", repeatable)
    .option(
      "--allow-redirect <host>",
      "a host its files may come from wherever it is (may repeat)",
      repeatable,
    )
    .option("--bandwidth <bytes>", "at most so much a second, such as 20MB")
    .option("--parallel <number>", "downloads at once", wholeNumber)
    .option("--max-size <bytes>", "what a cache may hold, such as 200GiB");
}

function listCommand(group: Command, { io }: Context): void {
  const command = group
    .command("list")
    .description("List the upstreams, what is here of them, and how they are.")
    .addOption(formatOption())
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions & { readonly format: Format }>();
      const { upstreamRows, UPSTREAM_COLUMNS } = await import("../upstream-table.ts");
      const { printListing } = await import("../output.ts");
      await printListing(io, formatOf(options), {
        rows: await upstreamRows(io, options),
        columns: UPSTREAM_COLUMNS,
      });
    });
  withHelp(command, {
    examples: [["upstream list", "all upstreams, in order of precedence"]],
    statuses: STORE_STATUSES,
  });
}

function showCommand(group: Command, { io }: Context): void {
  const command = group
    .command("show")
    .description("Show everything about an upstream.")
    .argument("<name>", "an upstream")
    .addOption(formatOption(["table", "json", "yaml"]))
    .action(async (name: string, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions & { readonly format: Format }>();
      const { showUpstream } = await import("../upstream-table.ts");
      await showUpstream(io, formatOf(options), await upstreamRowOf(io, options, name));
    });
  withHelp(command, {
    examples: [["upstream show ubuntu", "its settings, and what is here of it"]],
    statuses: LOOKUP_STATUSES,
  });
}

async function upstreamRowOf(io: Context["io"], options: GlobalOptions, name: string) {
  const { upstreamRow } = await import("../upstream-table.ts");
  return upstreamRow(io, options, name);
}

function removeCommand(group: Command, context: Context): void {
  const command = group
    .command("remove")
    .description("Forget an upstream, and take its images off the lists. Their files go with the next prune.")
    .argument("<name>", "an upstream")
    .option(...NO_SIGN)
    .action(async (name: string, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const { forgetUpstream } = await import("../add-upstream.ts");
      await forgetUpstream(context, options, name);
    });
  withHelp(command, {
    examples: [["upstream remove partner", "its images are no longer listed"]],
    statuses: [...LOOKUP_STATUSES, 11],
  });
}

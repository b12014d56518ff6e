import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { withHelp } from "../help.ts";
import { namingOptions } from "../naming-options.ts";
import type { PullFlags } from "../pull-request.ts";
import { repeatable } from "../repeatable.ts";
import { NO_SIGN } from "../no-sign.ts";

export function pullCommand(program: Command, context: Context): void {
  const command = program
    .command("pull")
    .description("Take images out of a running Incus or LXD. Without names: show what it has, and ask.")
    .argument(
      "[daemon]",
      "incus:, lxd:, https://HOST:8443, or unix:/path; those of this machine when left out",
    )
    .argument("[images...]", "aliases, beginnings of fingerprints, or key=value of properties")
    .option("--all", "every image but those that the daemon only cached")
    .option("--cached", "with --all: also what the daemon downloaded by itself, without an alias")
    .option("--public-only", "of those, the public ones")
    .option("--instance <name>", "a container or virtual machine, or NAME/SNAPSHOT (may repeat)", repeatable)
    .option("--follow", "go on, and take what is new there as soon as it is there")
    .option("--project <name>", "a project of the daemon (else its default one)")
    .option("--token <token>", "a trust token of the daemon; a key is made for it, and kept")
    .option("--cert <file>", "a client certificate that the daemon trusts")
    .option("--key <file>", "its key")
    .option("--accept-certificate", "take whatever certificate the daemon shows, and no other from then on");
  namingOptions(command, { names: "its properties", version: "when it was made" })
    .option("--dry-run", "say what would be taken, and take nothing")
    .option(...NO_SIGN)
    .action(
      async (daemon: string | undefined, images: readonly string[], _options: unknown, self: Command) => {
        const options = self.optsWithGlobals<GlobalOptions & PullFlags>();
        const { pullRequest } = await import("../pull-request.ts");
        const request = pullRequest(daemon, images, options);
        const { pullFromDaemons } = await import("../pull-from-daemons.ts");
        await pullFromDaemons(context, options, request);
      },
    );
  withHelp(command, {
    examples: [
      ["pull", "what the Incus and the LXD of this machine have, to choose from"],
      ["pull incus: debian12 web-base", "two images, by their aliases"],
      ["pull lxd: --all --follow", "everything, now and from now on"],
      ["pull incus: --instance c1/snap0 --alias web-base", "an instance as it was, without publishing it"],
      [
        "pull https://10.0.0.5:8443 --all --token eyJjbGllbnRf...",
        "from another machine, by a trust token of it",
      ],
    ],
    statuses: [3, 5, 6, 9, 11],
  });
}

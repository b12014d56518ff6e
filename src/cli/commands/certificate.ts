import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { withHelp } from "../help.ts";
import { repeatable } from "../repeatable.ts";

/** `certificate show|renew`. */
export function certificateCommand(program: Command, context: Context): void {
  const group = program
    .command("certificate")
    .description("The certificate by which clients know this server.");
  showCommand(group, context);
  renewCommand(group, context);
}

function showCommand(group: Command, { io }: Context): void {
  const command = group
    .command("show")
    .description("Show the certificate, and what to type on a client to trust it.")
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const { showCertificate } = await import("../own-certificate.ts");
      await showCertificate(io, options);
    });
  withHelp(command, {
    examples: [["certificate show", "names, fingerprint, and the commands for Incus and LXD clients"]],
    statuses: [6, 8],
  });
}

function renewCommand(group: Command, { io }: Context): void {
  const command = group
    .command("renew")
    .description(
      "Issue the certificate again, with the same key and the first name kept, so that clients go on trusting it.",
    )
    .option("--name <name>", "one more DNS name or address (may repeat)", repeatable)
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions & { readonly name?: readonly string[] }>();
      const { renewOwnCertificate } = await import("../own-certificate.ts");
      await renewOwnCertificate(io, options, options.name ?? []);
    });
  withHelp(command, {
    examples: [
      ["certificate renew --name images.example", "the server is also called images.example from now on"],
    ],
    statuses: [6, 8],
  });
}

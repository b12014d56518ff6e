import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { KEY_TROUBLE, NOT_FOUND } from "../exit-status.ts";
import { STORE_STATUSES, withHelp } from "../help.ts";
import type { ImportKeyOptions, NewKeyOptions } from "../signing-key.ts";

const STATUSES = [...STORE_STATUSES, KEY_TROUBLE];

/** `key new|import|show|sign|export`. */
export function keyCommand(program: Command, context: Context): void {
  const group = program
    .command("key")
    .description("The OpenPGP key that signs what is published, for readers that check signatures.");
  newCommand(group, context);
  importCommand(group, context);
  showCommand(group, context);
  signCommand(group, context);
  exportCommand(group, context);
}

function newCommand(group: Command, { io }: Context): void {
  const command = group
    .command("new")
    .description("Make a key, and sign with it what is listed and all that is published from now on.")
    .option("--name <user-id>", "whose it is (else the name of the server)")
    .option("--rsa", "RSA with 4096 bits, for readers that do not know Ed25519")
    .option("--expires <time>", "when it ends, such as 730d (else never)")
    .option("--replace", "also when there is a key: its file stays, and is no longer used")
    .action(async (_options: unknown, self: Command) => {
      const { newSigningKey } = await import("../signing-key.ts");
      await newSigningKey(io, self.optsWithGlobals<NewKeyOptions>());
    });
  withHelp(command, {
    examples: [
      ["key new", "from now on everything that is published is signed"],
      ['key new --name "Images <images@example.com>" --expires 730d', "for two years"],
    ],
    statuses: [5, ...STATUSES],
  });
}

function importCommand(group: Command, { io }: Context): void {
  const command = group
    .command("import")
    .description("Sign with a key that there is already.")
    .argument("<file>", "its secret part, as gpg --export-secret-keys writes it")
    .option("--replace", "also when there is a key: its file stays, and is no longer used")
    .option("--dry-run", "only say whether it can sign")
    .action(async (file: string, _options: unknown, self: Command) => {
      const { importSigningKey } = await import("../signing-key.ts");
      await importSigningKey(io, self.optsWithGlobals<ImportKeyOptions>(), file);
    });
  withHelp(command, {
    examples: [["key import images.key", "the passphrase comes from $HEADWATER_SIGNING_PASSPHRASE"]],
    statuses: [5, ...STATUSES],
  });
}

function showCommand(group: Command, context: Context): void {
  const command = group
    .command("show")
    .description("Show the key in use, and whether it can sign now.")
    .action(async (_options: unknown, self: Command) => {
      const { showSigningKey } = await import("../show-key.ts");
      await showSigningKey(context, self.optsWithGlobals<GlobalOptions>());
    });
  withHelp(command, {
    examples: [["key show", "fingerprint, expiry, and whether it is locked"]],
    statuses: [NOT_FOUND, ...STATUSES],
  });
}

function signCommand(group: Command, { io }: Context): void {
  const command = group
    .command("sign")
    .description(
      "Sign what is listed once more, when the key got another date or subkey, or gpg another key.",
    )
    .action(async (_options: unknown, self: Command) => {
      const { signAgain } = await import("../signing-key.ts");
      await signAgain(io, self.optsWithGlobals<GlobalOptions>());
    });
  withHelp(command, {
    examples: [["key sign", "after `signing` in headwater.yaml has named a key of gpg"]],
    statuses: [NOT_FOUND, ...STATUSES],
  });
}

function exportCommand(group: Command, { io }: Context): void {
  const command = group
    .command("export")
    .description("Print the public key, for whoever checks signatures.")
    .option("--secret <file>", "write the secret key to a new file instead, for safekeeping")
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions & { readonly secret?: string }>();
      const { exportPublicKey, exportSecretKey } = await import("../show-key.ts");
      if (options.secret === undefined) await exportPublicKey(io, options);
      else await exportSecretKey(io, options, options.secret);
    });
  withHelp(command, {
    examples: [
      ["key export > headwater.asc", "what an upstream's `keyring`, gpg --import and others read"],
      ["key export --secret signing-key.asc", "with mode 0600; keep it off the server"],
    ],
    statuses: [NOT_FOUND, 5, ...STATUSES],
  });
}

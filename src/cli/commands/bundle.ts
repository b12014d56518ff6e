import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { BUNDLE_TROUBLE, DAMAGE, KEY_TROUBLE, TARGET_TROUBLE } from "../exit-status.ts";
import { withHelp } from "../help.ts";
import type { ApplyBundleOptions } from "../apply-bundle.ts";
import type { CreateBundleOptions } from "../create-bundle.ts";
import type { TrustOptions } from "../bundle-trust.ts";
import { NO_SIGN } from "../no-sign.ts";
import { repeatable } from "../repeatable.ts";

/** `bundle create|apply|show|verify`. */
export function bundleCommand(program: Command, context: Context): void {
  const group = program
    .command("bundle")
    .description("Images in one file, to be carried to a site without internet.");
  createCommand(group, context);
  applyCommand(group, context);
  showCommand(group, context);
  verifyCommand(group, context);
}

function createCommand(group: Command, { io }: Context): void {
  const command = group
    .command("create")
    .description(
      "Write chosen images into one file, with everything that the other site needs to serve them.",
    )
    .argument("<file>", "where to, such as site.hwb; - writes into a pipe")
    .argument("[image...]", "only these: aliases, fingerprints or their beginnings, or products")
    .option(
      "--select <conditions>",
      "only items such as 'release=noble arch=amd64'; several: what one of them selects (may repeat)",
      repeatable,
    )
    .option("--stream <name>", "only this image stream (may repeat)", repeatable)
    .option("--since <bundle>", "an earlier bundle of this store: what it holds is left out")
    .option("--part-size <bytes>", "cut it into site.hwb.001 and so on, such as 4GB for sticks")
    .option("--no-sign", "without a signature, also where the store has a key")
    .option("--force", "replace a bundle that is there")
    .option("--dry-run", "only say what would be in it")
    .action(async (file: string, images: readonly string[], _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<CreateBundleOptions>();
      const { createBundleFile } = await import("../create-bundle.ts");
      await createBundleFile(io, options, { file, images });
    });
  withHelp(command, {
    examples: [
      ["bundle create site.hwb", "all images that are here"],
      [
        "bundle create site.hwb --select 'release=noble arch=amd64' --part-size 4GB",
        "some of them, in files that every stick holds",
      ],
      ["bundle create week2.hwb --since site.hwb", "what has come since, and which images there are now"],
      ["bundle create - debian/12 | ssh far headwater bundle apply -", "one image, over a wire"],
    ],
    statuses: [3, 6, DAMAGE, TARGET_TROUBLE, KEY_TROUBLE, BUNDLE_TROUBLE],
  });
}

function applyCommand(group: Command, { io }: Context): void {
  const command = withTrust(
    group
      .command("apply")
      .description("Take a bundle: all of it is checked, and then listed at once.")
      .argument("<file...>", "the bundle, its first part, or all its parts; - reads from a pipe")
      .option(
        "--as <name>",
        "what the image stream of the sender's own images is called here (else carried); or THERE=HERE (may repeat)",
        repeatable,
      )
      .option(
        "--force",
        "also an older bundle than the last, one from the future, or over another image stream",
      )
      .option("--dry-run", "only say what would come and go; nothing but the beginning is read")
      .option(...NO_SIGN),
  ).action(async (files: readonly string[], _options: unknown, self: Command) => {
    const options = self.optsWithGlobals<ApplyBundleOptions>();
    const { applyBundleFile } = await import("../apply-bundle.ts");
    await applyBundleFile(io, options, files);
  });
  withHelp(command, {
    examples: [
      ["bundle apply site.hwb --keyring sender.asc", "its images are served from here, under the same names"],
      ["bundle apply /mnt/a/site.hwb.001 /mnt/b/site.hwb.002", "parts from two sticks"],
      ["bundle apply site.hwb --as headquarters", "their own images are the image stream headquarters here"],
    ],
    statuses: [4, 5, 6, KEY_TROUBLE, BUNDLE_TROUBLE],
  });
}

function showCommand(group: Command, { io }: Context): void {
  const command = group
    .command("show")
    .description("Tell what is in a bundle, and which key it is signed with. Nothing is checked.")
    .argument("<file>", "the bundle, or its first part; - reads from a pipe")
    .action(async (file: string, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const { showBundleFile } = await import("../look-at-bundle.ts");
      await showBundleFile(io, options, file);
    });
  withHelp(command, {
    examples: [["bundle show site.hwb", "images, sizes, the key, and the bundles it builds on"]],
    statuses: [4, BUNDLE_TROUBLE],
  });
}

function verifyCommand(group: Command, { io }: Context): void {
  const command = withTrust(
    group
      .command("verify")
      .description("Read a bundle whole, and compare every byte with what its signed list promises.")
      .argument("<file...>", "the bundle, its first part, or all its parts; - reads from a pipe"),
  ).action(async (files: readonly string[], _options: unknown, self: Command) => {
    const options = self.optsWithGlobals<TrustOptions>();
    const { verifyBundleFile } = await import("../look-at-bundle.ts");
    await verifyBundleFile(io, options, files);
  });
  withHelp(command, {
    examples: [["bundle verify site.hwb --keyring sender.asc", "before it travels, and when it has arrived"]],
    statuses: [4, BUNDLE_TROUBLE],
  });
}

function withTrust(command: Command): Command {
  return command
    .option("--keyring <file>", "OpenPGP keys of whom to believe (else bundles.keyring of the configuration)")
    .option("--allow-untrusted", "whoever signed it, or nobody: sums are compared all the same");
}

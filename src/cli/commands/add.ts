import { resolve } from "node:path";
import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { withHelp } from "../help.ts";
import { type NamingFlags, namingOptions, wishesOf } from "../naming-options.ts";
import { NO_SIGN } from "../no-sign.ts";

interface AddCommandOptions extends GlobalOptions, NamingFlags {
  readonly dryRun?: boolean;
}

export function addCommand(program: Command, context: Context): void {
  const command = program
    .command("add")
    .description("Add an image from its files, or from a folder: one build, or a whole simplestreams tree.")
    .argument("<files...>", "metadata and its roots or disk, a unified tarball, or one folder");
  namingOptions(command, { names: "the metadata", version: "the metadata's creation date" })
    .option("--dry-run", "read and check everything, change nothing")
    .option(...NO_SIGN)
    .action(async (files: readonly string[], _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<AddCommandOptions>();
      const paths = files.map((file) => resolve(context.io.cwd, file));
      const { data, config, json, quiet, dryRun = false } = options;
      const { addToStore } = await import("../add-to-store.ts");
      await addToStore(context, { data, config, json, quiet }, { paths, wishes: wishesOf(options), dryRun });
    });
  withHelp(command, {
    examples: [
      ["add incus.tar.xz rootfs.squashfs disk.qcow2", "a container and a virtual machine of one build"],
      ["add ./build --alias web/stable --label testing", "a folder as distrobuilder leaves it"],
      ["add exported.tar.gz --os Ours --release 1", "what incus publish and incus image export made"],
    ],
    statuses: [4, 5, 6, 11],
  });
}

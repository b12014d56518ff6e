import { resolve } from "node:path";
import type { Command } from "commander";
import type { BuildWishes } from "../../intake/files/name-build.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { withHelp } from "../help.ts";
import { repeatable, repeatablePair } from "../repeatable.ts";

interface AddCommandOptions extends GlobalOptions, Omit<BuildWishes, "aliases" | "requirements"> {
  readonly alias?: readonly string[];
  readonly requirement?: Readonly<Record<string, string>>;
  readonly dryRun?: boolean;
}

export function addCommand(program: Command, context: Context): void {
  const command = program
    .command("add")
    .description("Add an image from its files, or from a folder: one build, or a whole simplestreams tree.")
    .argument("<files...>", "metadata and its roots or disk, a unified tarball, or one folder")
    .option("--alias <name>", "one more name to launch it by (may repeat)", repeatable)
    .option("--os <name>", "operating system (else from the metadata)")
    .option("--release <name>", "release (else from the metadata)")
    .option("--variant <name>", "variant, such as cloud (else from the metadata, else default)")
    .option("--arch <name>", "architecture (else from the metadata)")
    .option("--version <name>", "YYYYMMDD_HHMM, UTC (else the metadata's creation date)")
    .option("--release-title <text>", "how the release is called for people")
    .option("--label <text>", "a word shown in parentheses, such as testing")
    .option(
      "--requirement <key=value>",
      "what instances need, such as secureboot=false (may repeat)",
      repeatablePair,
    )
    .option("--dry-run", "read and check everything, change nothing")
    .action(async (files: readonly string[], _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<AddCommandOptions>();
      const paths = files.map((file) => resolve(context.io.cwd, file));
      const {
        alias,
        requirement: requirements,
        data,
        config,
        json,
        quiet,
        dryRun = false,
        ...named
      } = options;
      const wishes = {
        ...named,
        aliases: alias ?? [],
        ...(requirements === undefined ? {} : { requirements }),
      };
      const { addToStore } = await import("../add-to-store.ts");
      await addToStore(context, { data, config, json, quiet }, { paths, wishes, dryRun });
    });
  withHelp(command, {
    examples: [
      ["add incus.tar.xz rootfs.squashfs disk.qcow2", "a container and a virtual machine of one build"],
      ["add ./build --alias web/stable --label testing", "a folder as distrobuilder leaves it"],
      ["add exported.tar.gz --os Ours --release 1", "what incus publish and incus image export made"],
    ],
    statuses: [4, 5, 6],
  });
}

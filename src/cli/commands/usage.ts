import { type Command, Option } from "commander";
import { type Context, formatOf, type GlobalOptions } from "../context.ts";
import { type Format, formatOption } from "../format.ts";
import { STORE_STATUSES, withHelp } from "../help.ts";

/** As `USAGE_KEYS` of `curate/usage.ts`, which is loaded when the command runs; a test compares. */
const KEYS = ["stream", "os", "release", "product", "variant", "arch"] as const;

interface UsageOptions extends GlobalOptions {
  readonly by: (typeof KEYS)[number];
  readonly format: Format;
}

export function usageCommand(program: Command, { io }: Context): void {
  const command = program
    .command("usage")
    .description(
      "Say where the bytes of the store are: by image stream, os, release, and what besides takes room.",
    )
    .addOption(new Option("--by <what>", "what the rows are").choices(KEYS).default("stream"))
    .addOption(formatOption())
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<UsageOptions>();
      const { storeToRead } = await import("../open-store.ts");
      const store = await storeToRead(io, options);
      const { usage } = await import("../../curate/usage.ts");
      const { printUsage } = await import("../print-usage.ts");
      await printUsage(io, formatOf(options), { ...(await usage(store, options.by)), by: options.by });
    });
  withHelp(command, {
    examples: [
      ["usage", "what each image stream takes, and what only it has"],
      ["usage --by release --json", "the same for each release, for a program"],
    ],
    statuses: STORE_STATUSES,
  });
}

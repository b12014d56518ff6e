import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { BYTES_STATUSES, withHelp } from "../help.ts";
import { NO_SIGN } from "../no-sign.ts";

interface VerifyCommandOptions extends GlobalOptions {
  readonly repair?: boolean;
}

export function verifyCommand(program: Command, context: Context): void {
  const command = program
    .command("verify")
    .description(
      "Read every file of the store and compare sizes, hashes and fingerprints with what is promised.",
    )
    .option("--repair", "take damaged images out of the lists, then put their damaged files aside")
    .option(...NO_SIGN)
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<VerifyCommandOptions>();
      const { verifyStore } = await import("../verify-store.ts");
      await verifyStore(context, options, options.repair === true);
    });
  withHelp(command, {
    examples: [
      ["verify", "says what is missing, wrong or extra; changes nothing"],
      ["verify --repair", "then add the files of damaged images again, which heals them"],
    ],
    statuses: [...BYTES_STATUSES, 11],
  });
}

import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { DAMAGE, DIFFERENT, DONE, NOT_FOUND } from "../exit-status.ts";
import { LOOKUP_STATUSES, withHelp } from "../help.ts";

interface DiffOptions extends GlobalOptions {
  readonly exitCode?: boolean;
}

export function diffCommand(program: Command, context: Context): void {
  const command = program
    .command("diff")
    .description(
      "Say what changed between two generations: images that came and went, what aliases mean, what is hidden, sizes.",
    )
    .argument("<from>", "a generation's number, or a day (2026-11-21: as it was at 00:00 UTC)")
    .argument("[to]", "the same; left out: the newest")
    .option(
      "--exit-code",
      "end with status 1 when there are differences, as git diff does; with --quiet, print nothing",
    )
    .action(async (from: string, to: string | undefined, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<DiffOptions>();
      const { storeToRead } = await import("../open-store.ts");
      const store = await storeToRead(context.io, options);
      const { compareGenerations } = await import("../../curate/compare-generations.ts");
      const compared = await compareGenerations(store, { from, to });
      // Who wants a status and quiet, asked for the status alone.
      const { exitCode = false, quiet = false } = options;
      const { printDiff } = await import("../print-diff.ts");
      if (!exitCode || !quiet) printDiff(context.io, options, compared);
      const { isSame } = await import("../../views/differences.ts");
      if (exitCode && !isSame(compared.differences)) context.exitWith(DIFFERENT);
    });
  withHelp(command, {
    examples: [
      ["diff 41 42", "what generation 42 changed"],
      ["diff 2026-11-21", "what changed since that day began (UTC)"],
      ["diff 41 --exit-code --quiet", "for a script: is anything listed otherwise than in generation 41?"],
    ],
    statuses: [...LOOKUP_STATUSES, DAMAGE],
    meanings: {
      [DONE]: "done, whether or not there are differences; with --exit-code: there are none",
      [DIFFERENT]:
        "failed, for a reason without a status of its own; with --exit-code: there are differences",
      [NOT_FOUND]: "there is no such generation, or it is no longer kept",
    },
  });
}

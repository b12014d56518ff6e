import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { LOOKUP_STATUSES, withHelp } from "../help.ts";
import { wholeNumber } from "../whole-number.ts";
import { NO_SIGN } from "../no-sign.ts";

interface RollbackOptions extends GlobalOptions {
  readonly stream?: string;
}

export function rollbackCommand(program: Command, { io }: Context): void {
  const command = program
    .command("rollback")
    .description(
      "List again what an earlier generation listed. Clients follow; nothing is undone, history goes on.",
    )
    .argument("<generation>", "its number, from headwater history", wholeNumber)
    .option("--stream <name>", "only this image stream")
    .option(...NO_SIGN)
    .action(async (number: number, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<RollbackOptions>();
      const { storeToChange } = await import("../open-store.ts");
      const store = await storeToChange(io, options);
      const { rollback } = await import("../../curate/rollback.ts");
      const { stream } = options;
      const generation = await rollback(store, number, stream === undefined ? {} : { stream });
      const { printPublished } = await import("../print-published.ts");
      printPublished(io, options, { store, generation });
    });
  withHelp(command, {
    examples: [["rollback 41", "list what generation 41 listed, as a new generation"]],
    statuses: [...LOOKUP_STATUSES, 11],
  });
}

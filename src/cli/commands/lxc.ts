import type { Command } from "commander";
import type { Context } from "../context.ts";
import { BAD_INPUT, DAMAGE } from "../exit-status.ts";
import { withHelp } from "../help.ts";
import { NO_SIGN } from "../no-sign.ts";
import type { LxcCommandOptions } from "../make-lxc.ts";

export function lxcCommand(program: Command, context: Context): void {
  const command = program
    .command("lxc")
    .description(
      "Make what LXC without a daemon needs of the images that are listed, now. A running server does so by itself, in the background.",
    )
    .option("--dry-run", "say which builds are waiting, and change nothing")
    .option(...NO_SIGN)
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<LxcCommandOptions>();
      const { makeLxc } = await import("../make-lxc.ts");
      await makeLxc(context, options);
    });
  withHelp(command, {
    examples: [
      ["lxc", "for the image streams that headwater.yaml has with lxc: true"],
      ["lxc --dry-run", "how many builds have no files for LXC yet"],
    ],
    statuses: [BAD_INPUT, 6, DAMAGE],
    meanings: { [BAD_INPUT]: "of some image no such files can be made; the others have theirs" },
  });
}

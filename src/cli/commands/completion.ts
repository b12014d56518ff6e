import { Argument, type Command } from "commander";
import type { Context } from "../context.ts";
import { withHelp } from "../help.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export function completionCommand(program: Command, { io }: Context): void {
  const command = program
    .command("completion")
    .description("Print a completion script for a shell.")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .action(async (shell: (typeof SHELLS)[number]) => {
      const { completionScript } = await import("../completion.ts");
      io.stdout.write(completionScript(program, shell));
    });
  withHelp(command, {
    examples: [
      [
        "completion bash > /etc/bash_completion.d/headwater",
        "completes commands and options in new bash shells",
      ],
    ],
  });
}

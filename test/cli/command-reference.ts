import type { Command } from "commander";
import { headwater } from "./fake-io.ts";

/** `docs/reference/commands.md`: the help of every command, as the program prints it. */
export async function commandReference(program: Command): Promise<string> {
  const sections = [];
  for (const path of leavesOf(program)) sections.push(await section(path));
  const { stdout } = await headwater(["--help"]);
  return [
    "# Commands",
    "",
    "Made from the program's own help by `npm run docs`; do not edit. `headwater <command> --help` prints the same.",
    "Options of `headwater` itself can stand before or after the command. The statuses are explained in",
    "[exit status](exit-status.md), the output of `--json` in [JSON output](json-output.md).",
    "",
    "```text",
    stdout.trim(),
    "```",
    "",
    ...sections,
  ].join("\n");
}

export function leavesOf(command: Command, path: readonly string[] = []): (readonly string[])[] {
  return command.commands.flatMap((sub) => {
    const own = [...path, sub.name()];
    return sub.commands.length === 0 ? [own] : leavesOf(sub, own);
  });
}

async function section(path: readonly string[]): Promise<string> {
  const { stdout } = await headwater([...path, "--help"]);
  // The global options are the same everywhere, and shown once above.
  const own = stdout.replace(/\nGlobal Options:\n(?: .*\n)+/, "");
  return [`## headwater ${path.join(" ")}`, "", "```text", own.trim(), "```", ""].join("\n");
}

import type { Command } from "commander";
import type { Context } from "../context.ts";
import type { ExplainOptions } from "../explain-options.ts";
import { withHelp } from "../help.ts";

export function explainCommand(program: Command, context: Context): void {
  const command = program
    .command("explain")
    .description(
      "Tell what each client lists of a simplestreams tree, and for everything that one does not list or cannot use: where, why, and what mends it.",
    )
    .argument("[where]", "an https address, a folder, or (left out) the store")
    .argument("[name]", "an alias, a product, or the beginning of a fingerprint: where it leads, and why")
    .option(
      "--files",
      "look whether every file is there (else one on a server, those of the name, all in a folder)",
    )
    .option("--fetch", "fetch the files that are looked at, and compare sizes, hashes and fingerprints")
    .option("--strict", "end with status 2 when there are warnings and no errors")
    .option("--all", "show every place, not only the first ones of each rule")
    .option("--ca <file>", "certificate (PEM) to trust, as a client that pins it does")
    .option("--stream <name>", "one image stream of the store, not the merged root")
    .action(async (where: string | undefined, name: string | undefined, _options: unknown, self: Command) => {
      const options = self.optsWithGlobals<ExplainOptions>();
      const { explainWhere } = await import("../explain-where.ts");
      await explainWhere(context, options, { where, name });
    });
  withHelp(command, {
    examples: [
      ["explain https://images.example", "what every client lists there, and what is wrong"],
      ["explain ./tree --fetch --strict", "for the CI of a publisher: any error or warning ends it"],
      [
        "explain https://images.example debian/12",
        "where an alias leads, for each client and architecture, and why",
      ],
      ["explain debian/12", "the same for the store"],
    ],
    statuses: [3, 6, 9],
    meanings: {
      0: "no errors (warnings and notes there may be)",
      1: "errors were found",
      2: "wrong usage; with --strict also: warnings were found, and no errors",
      3: "the folder, the name or the image stream is not there, and no errors were found",
      9: "the server does not answer, so nothing is known of its tree",
    },
  });
}

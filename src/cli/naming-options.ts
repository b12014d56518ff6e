import type { Command } from "commander";
import type { BuildWishes } from "../intake/files/name-build.ts";
import { repeatable, repeatablePair } from "./repeatable.ts";

/** What a person may say about the name of an image, on every command that takes one in. */
export interface NamingFlags extends Omit<BuildWishes, "aliases" | "requirements"> {
  readonly alias?: readonly string[];
  readonly requirement?: Readonly<Record<string, string>>;
}

/** Where names come from that are not said. */
export interface NamesElse {
  /** `the metadata`, `its properties`. */
  readonly names: string;
  readonly version: string;
}

/** Gives a command the options that name an image. */
export function namingOptions(command: Command, { names, version }: NamesElse): Command {
  return command
    .option("--alias <name>", "one more name to launch it by (may repeat)", repeatable)
    .option("--os <name>", `operating system (else from ${names})`)
    .option("--release <name>", `release (else from ${names})`)
    .option("--variant <name>", `variant, such as cloud (else from ${names}, else default)`)
    .option("--arch <name>", `architecture (else from ${names})`)
    .option("--version <name>", `YYYYMMDD_HHMM, UTC (else ${version})`)
    .option("--release-title <text>", "how the release is called for people")
    .option("--label <text>", "a word shown in parentheses, such as testing")
    .option(
      "--requirement <key=value>",
      "what instances need, such as secureboot=false (may repeat)",
      repeatablePair,
    );
}

/** What was said with those options. */
export function wishesOf({ alias, requirement, ...flags }: NamingFlags): BuildWishes {
  const { os, release, variant, arch, version, releaseTitle, label } = flags;
  const said = Object.entries({ os, release, variant, arch, version, releaseTitle, label });
  return {
    ...Object.fromEntries(said.filter(([, value]) => value !== undefined)),
    aliases: alias ?? [],
    ...(requirement === undefined ? {} : { requirements: requirement }),
  };
}

import { HeadwaterError } from "../error.ts";
import { printable, quoted } from "./printable.ts";
import { releaseNames } from "./release-names.ts";
import { slug } from "./slug.ts";

/**
 * The aliases of a product exactly as clients split them: at every comma, with no trimming and no de-duplication
 * (products.go of both projects). So `a, b` names ` b`; use `isValidAlias` before keeping one from outside.
 *
 * @example
 * console.log(parseAliases("debian/12, debian/bookworm"));
 * // ["debian/12"," debian/bookworm"]
 */
export function parseAliases(aliases: string | undefined): string[] {
  return aliases === undefined || aliases === "" ? [] : aliases.split(",");
}

/** The opposite. Throws NAME_INVALID for an alias that could not be told apart again; drops repetitions. */
export function joinAliases(aliases: Iterable<string>): string {
  const unique = new Set(aliases);
  for (const alias of unique) {
    if (alias === "" || alias.includes(",")) checkAlias(alias);
  }
  return [...unique].join(",");
}

/** Throws NAME_INVALID, saying why, for an alias that some client or shell could not use. */
export function checkAlias(alias: string): void {
  const problem = aliasProblem(alias);
  if (problem === undefined) return;
  throw new HeadwaterError("NAME_INVALID", `the alias ${quoted(alias)} cannot be used: ${problem}`, {
    hint: "Use a name such as debian/12 or web/stable.",
    details: { alias: printable(alias) },
  });
}

/** Whether every client can use this alias. */
export function isValidAlias(alias: string): boolean {
  return aliasProblem(alias) === undefined;
}

/** What keeps some client or shell from using this alias, as half a sentence; undefined when nothing does. */
export function aliasProblem(alias: string): string | undefined {
  if (alias === "") return "it is empty";
  if (alias.length > 255) return `expected at most 255 characters, got ${alias.length}`;
  if (alias.includes(",")) return "a comma separates aliases in the index";
  if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(alias)) return "it has a control character";
  if (/\s/u.test(alias)) return "it has a blank, which clients keep as part of the name";
  if (alias.includes(":")) return "a colon ends the name of a remote (remote:alias)";
  if (/[%\\?#]/.test(alias)) return 'it has a "%", "\\", "?" or "#", which does not survive in a URL';
  if (alias.startsWith("-")) return "a command line would take it for an option";
  if (alias.startsWith("/") || alias.endsWith("/") || alias.includes("//")) {
    return 'it has an empty part before, between or after "/"';
  }
  if (alias.split("/").some((part) => part === "." || part === "..")) {
    return 'it has "." or ".." as a part, which is taken out of a URL';
  }
  if (/^[0-9a-f]{64}$/i.test(alias)) return "it looks like a fingerprint";
  return undefined;
}

/** What a product is called, for its aliases. */
export interface StandardAliasNames {
  readonly os: string;
  readonly release: string;
  /** The number, when `release` is a codename and the table does not know it; or the other way round. */
  readonly version?: string | undefined;
  readonly codename?: string | undefined;
  readonly variant: string;
  /** Whether `os/release` alone means this variant. Default: it is called `default`. */
  readonly isDefaultVariant?: boolean;
  /** Also `os/current`: for the newest release of an os that has no numbers to ask for. */
  readonly current?: boolean;
}

/**
 * The aliases under which the public servers offer such a product: `debian/12`, `debian/12/default`, `debian/bookworm`,
 * `debian/bookworm/default`; for another variant only the forms with it. Clients add `/<arch>` to each of them themselves
 * and nothing else (simplestreams.go applyAliases, both projects), so every form has to be in the index.
 *
 * @example
 * const names = { os: "Ubuntu", release: "24.04", variant: "cloud" };
 * console.log(standardAliases(names));
 * // ["ubuntu/24.04/cloud","ubuntu/noble/cloud"]
 */
export function standardAliases(names: StandardAliasNames): string[] {
  const { os, release, variant } = names;
  const known = releaseNames(os, release);
  const releases = [
    names.version ?? known?.version ?? release,
    release,
    names.codename ?? known?.codename ?? release,
    ...(names.current === true ? ["current"] : []),
  ].map((name) => `${slug(os)}/${slug(name)}`);
  const isDefault = names.isDefaultVariant ?? (variant === "" || variant === "default");
  const aliases = new Set<string>();
  for (const name of releases) {
    if (isDefault) aliases.add(name);
    aliases.add(`${name}/${slug(variant === "" ? "default" : variant)}`);
  }
  return [...aliases];
}

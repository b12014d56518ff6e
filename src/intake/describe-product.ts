import { HeadwaterError } from "../error.ts";
import { checkAlias, joinAliases, parseAliases, standardAliases } from "../simplestreams/aliases.ts";
import type { Product, Version } from "../simplestreams/products.ts";
import { requirementFields } from "../simplestreams/twins.ts";
import { type Build, typesOfBuild } from "./build.ts";
import type { Listing } from "./listing.ts";

export interface DescribedProduct {
  readonly product: Product;
  /** Sentences for the person who added it. */
  readonly notes: readonly string[];
}

/**
 * The product as it is once the build is in it: its names, title, requirements, and aliases. A new product gets the
 * standard aliases, unless another one has them; later builds do not bring back one that was taken away. An alias that was
 * asked for and names another product is refused, or left to that product when the build comes out of a tree.
 * @throws NAME_TAKEN, NAME_INVALID
 */
export function describeProduct(
  listing: Listing,
  build: Build,
  options: { readonly key: string; readonly takenAliases: "refuse" | "leave" },
): DescribedProduct {
  const { os, release, variant, arch } = build.names;
  const { product: before } = listing.find(build.names);
  const aliases = new Set(
    before === undefined ? freeStandardAliases(listing, build, options.key) : parseAliases(before.aliases),
  );
  const notes: string[] = [];
  for (const alias of build.aliases) {
    checkAlias(alias);
    const owner = listing.otherOwner(alias, options.key, arch);
    if (owner === undefined) aliases.add(alias);
    else if (options.takenAliases === "refuse") throw aliasTaken(alias, owner);
    else notes.push(`The alias "${alias}" stays with ${owner}.`);
  }
  if (before !== undefined)
    notes.push(...sharedAliases(listing, build, options.key, parseAliases(before.aliases)));
  const product = {
    ...before,
    ...build.productFields,
    arch,
    os,
    release,
    release_title: build.releaseTitle ?? before?.release_title ?? release,
    variant,
    aliases: joinAliases(aliases),
    ...requirementFields(build.requirements ?? before?.requirements ?? {}),
    versions: before?.versions ?? new Map<string, Version>(),
  };
  return { product, notes };
}

function freeStandardAliases(listing: Listing, { names }: Build, key: string): string[] {
  return standardAliases(names).filter((alias) => listing.otherOwner(alias, key, names.arch) === undefined);
}

/** Two products may share an alias as long as one has containers and the other virtual machines. */
function sharedAliases(listing: Listing, build: Build, key: string, aliases: readonly string[]): string[] {
  const types = typesOfBuild(build);
  return aliases.flatMap((alias) => {
    const owner = listing.otherOwner(alias, key, build.names.arch);
    const shared = owner === undefined ? undefined : types.find((type) => listing.typesOf(owner).has(type));
    return owner === undefined || shared === undefined
      ? []
      : [
          `The alias "${alias}" also names ${owner}, and both have a ${shared} now: clients get only one of them.`,
        ];
  });
}

function aliasTaken(alias: string, owner: string): HeadwaterError {
  return new HeadwaterError("NAME_TAKEN", `the alias "${alias}" already names ${owner}`, {
    hint: `headwater alias remove ${alias} frees it.`,
    details: { alias, product: owner },
  });
}

/** Whether two descriptions of one product say the same, versions aside. */
export function sameDescription(before: Product | undefined, after: Product): boolean {
  const text = (product: Product | undefined): string => JSON.stringify({ ...product, versions: null });
  return text(before) === text(after);
}

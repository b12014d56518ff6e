import { HeadwaterError } from "../error.ts";
import { checkAlias, joinAliases, parseAliases, standardAliases } from "../simplestreams/aliases.ts";
import { isBorrowed, isFrom, originOf } from "../simplestreams/image-origin.ts";
import type { Product, Version } from "../simplestreams/products.ts";
import { requirementFields } from "../simplestreams/twins.ts";
import { type Build, typesOfBuild } from "./build.ts";
import type { Listing } from "./listing.ts";

export interface DescribedProduct {
  readonly product: Product;
  /** Sentences for the person who added it. */
  readonly notes: readonly string[];
  /** Aliases that another product loses to it. */
  readonly moves: readonly { readonly alias: string; readonly from: string }[];
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
  const aliases = new Set(parseAliases(before?.aliases));
  // What was somebody else's so far becomes the site's own with its first build made here.
  const isNew = before === undefined || (isBorrowed(before) && build.origin?.upstream === undefined);
  if (isNew && build.standardAliases !== false) {
    for (const alias of freeStandardAliases(listing, build, options.key)) aliases.add(alias);
  }
  const notes: string[] = [];
  const moves: { readonly alias: string; readonly from: string }[] = [];
  for (const alias of build.aliases) {
    checkAlias(alias);
    const owner = listing.otherOwner(alias, options.key, arch);
    if (owner === undefined) aliases.add(alias);
    else if (build.origin !== undefined && isFrom(listing.newest(owner), build.origin.source)) {
      moves.push({ alias, from: owner });
      aliases.add(alias);
      notes.push(`The alias "${alias}" moved here from ${owner}, as on ${build.origin.server}.`);
    } else if (options.takenAliases === "refuse") throw aliasTaken(alias, owner);
    else notes.push(`The alias "${alias}" stays with ${owner}.`);
  }
  const other = otherDaemon(listing, build, options.key);
  if (other !== undefined) notes.push(other);
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
  return { product, notes, moves };
}

/** Two daemons that give one name to their images make versions of one product, which may be what is wanted or not. */
function otherDaemon(listing: Listing, { origin }: Build, key: string): string | undefined {
  const newest = listing.newest(key);
  const before = newest === undefined ? undefined : originOf(newest);
  if (origin === undefined || before === undefined || isFrom(newest, origin.source)) return undefined;
  return `Its versions came from ${before.daemon} on ${before.server} so far; --variant tells them apart.`;
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

import { HeadwaterError } from "../error.ts";
import { checkAlias, joinAliases, parseAliases, standardAliases } from "../simplestreams/aliases.ts";
import type { Product, Version } from "../simplestreams/products.ts";
import { requirementFields } from "../simplestreams/twins.ts";
import type { Build } from "./build.ts";
import type { Listing } from "./listing.ts";

/**
 * The product as it is once the build is in it: its names, title, requirements, and aliases. Standard aliases that
 * another product has already are left to it; one that was asked for is refused then.
 * @throws NAME_TAKEN, NAME_INVALID
 */
export function describeProduct(
  listing: Listing,
  key: string,
  product: Product | undefined,
  build: Build,
): Product {
  const { os, release, variant, arch } = build.names;
  return {
    ...product,
    ...build.productFields,
    arch,
    os,
    release,
    release_title: build.releaseTitle ?? product?.release_title ?? release,
    variant,
    aliases: joinAliases(aliasesFor(listing, key, product, build)),
    ...requirementFields(build.requirements ?? product?.requirements ?? {}),
    versions: product?.versions ?? new Map<string, Version>(),
  };
}

function aliasesFor(
  listing: Listing,
  key: string,
  product: Product | undefined,
  build: Build,
): readonly string[] {
  const { os, release, variant, arch } = build.names;
  const aliases = new Set(parseAliases(product?.aliases));
  for (const alias of standardAliases({ os, release, variant })) {
    if (listing.otherOwner(alias, key, arch) === undefined) aliases.add(alias);
  }
  for (const alias of build.aliases) {
    checkAlias(alias);
    const owner = listing.otherOwner(alias, key, arch);
    if (owner !== undefined) {
      throw new HeadwaterError("NAME_TAKEN", `the alias "${alias}" already names ${owner}`, {
        hint: `headwater alias remove ${alias} frees it.`,
        details: { alias, product: owner },
      });
    }
    aliases.add(alias);
  }
  return [...aliases];
}

/** Whether two descriptions of one product say the same, versions aside. */
export function sameDescription(before: Product | undefined, after: Product): boolean {
  const text = (product: Product | undefined): string => JSON.stringify({ ...product, versions: null });
  return text(before) === text(after);
}

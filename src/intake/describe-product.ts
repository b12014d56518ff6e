import { HeadwaterError } from "../error.ts";
import { checkAlias, joinAliases, parseAliases, standardAliases } from "../simplestreams/aliases.ts";
import { requirementFields } from "../simplestreams/twins.ts";
import type { Product, ProductsFile, Version } from "../simplestreams/products.ts";
import { aliasOwners } from "../views/alias-owners.ts";
import type { Build } from "./build.ts";

/**
 * The product as it is once the build is in it: its names, title, requirements, and aliases. Standard aliases that
 * another product has already are left to it; one that was asked for is refused then.
 * @throws NAME_TAKEN, NAME_INVALID
 */
export function describeProduct(
  file: ProductsFile,
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
    aliases: joinAliases(aliasesFor(file, key, product, build)),
    ...requirementFields(build.requirements ?? product?.requirements ?? {}),
    versions: product?.versions ?? new Map<string, Version>(),
  };
}

function aliasesFor(
  file: ProductsFile,
  key: string,
  product: Product | undefined,
  build: Build,
): readonly string[] {
  const { os, release, variant, arch } = build.names;
  const owners = new Map<string, string>();
  for (const owner of aliasOwners(file)) {
    if (owner.product !== key && owner.arch === arch) owners.set(owner.alias, owner.product);
  }
  const aliases = new Set(parseAliases(product?.aliases));
  for (const alias of standardAliases({ os, release, variant })) {
    if (!owners.has(alias)) aliases.add(alias);
  }
  for (const alias of build.aliases) {
    checkAlias(alias);
    const owner = owners.get(alias);
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

import { parseAliases } from "../simplestreams/aliases.ts";
import { fingerprintsOf, type InstanceType } from "../simplestreams/fingerprint.ts";
import { newestVersion } from "../simplestreams/version-name.ts";
import type { ProductsFile } from "../simplestreams/products.ts";

/** One alias of one product. Several products may share an alias when their architectures or instance types differ. */
export interface AliasOwner {
  readonly alias: string;
  readonly product: string;
  readonly arch: string;
  readonly types: readonly InstanceType[];
  /** The version a client gets, the newest, or undefined when the product has none. */
  readonly version: string | undefined;
}

/** Every alias of a products file with the product it names, in the order of the file. */
export function aliasOwners(file: ProductsFile): AliasOwner[] {
  const owners: AliasOwner[] = [];
  for (const [key, product] of file.products) {
    const aliases = parseAliases(product.aliases);
    if (aliases.length === 0) continue;
    const types = new Set<InstanceType>();
    for (const version of product.versions.values()) {
      for (const image of fingerprintsOf(version)) types.add(image.type);
    }
    const version = newestVersion(product.versions.keys());
    for (const alias of aliases) {
      owners.push({ alias, product: key, arch: product.arch ?? "", types: [...types], version });
    }
  }
  return owners;
}

import { parseAliases } from "../simplestreams/aliases.ts";
import { kernelArchitecture } from "../simplestreams/architectures.ts";
import { type FingerprintedImage, fingerprintsOf, isFingerprint } from "../simplestreams/fingerprint.ts";
import { rootFtypes } from "../simplestreams/ftypes.ts";
import type { Item, Product, ProductsFile, Version } from "../simplestreams/products.ts";
import { compareVersions } from "../simplestreams/version-name.ts";

/** One image with everything that it is listed with. */
export interface FoundImage {
  readonly architecture: string;
  readonly productKey: string;
  readonly product: Product;
  readonly versionName: string;
  readonly version: Version;
  readonly items: ReadonlyMap<string, Item>;
  readonly image: FingerprintedImage;
}

/** The images that a daemon could hold: newest versions first, and in a version the root that clients prefer. */
export function* imagesIn(
  { products }: ProductsFile,
  itemsOf: (version: Version) => ReadonlyMap<string, Item> = (version) => version.items,
): Generator<FoundImage> {
  for (const [productKey, product] of products) {
    const architecture = kernelArchitecture(product.arch ?? "");
    // Daemons store no image of an architecture that they do not know.
    if (architecture === undefined) continue;
    for (const versionName of [...product.versions.keys()].sort(compareVersions)) {
      const version = product.versions.get(versionName);
      if (version === undefined) continue;
      const items = itemsOf(version);
      for (const image of fingerprintsOf({ items }).toSorted(byRoot)) {
        // Daemons take no other, and it becomes a part of names and heads.
        if (isFingerprint(image.fingerprint)) {
          yield { architecture, productKey, product, versionName, version, items, image };
        }
      }
    }
  }
}

function byRoot(one: FingerprintedImage, other: FingerprintedImage): number {
  return rank(one) - rank(other);
}

function rank({ rootFtype }: FingerprintedImage): number {
  return rootFtype === undefined ? -1 : rootFtypes.indexOf(rootFtype);
}

/** The first image of a type and an architecture that is offered a name has it: the newest version's. */
export class Claims {
  readonly #taken = new Set<string>();

  of({ product, architecture, image }: FoundImage): string[] {
    return parseAliases(product.aliases).filter((alias) => {
      const key = `${image.type}\n${architecture}\n${alias}`;
      if (this.#taken.has(key)) return false;
      this.#taken.add(key);
      return true;
    });
  }
}

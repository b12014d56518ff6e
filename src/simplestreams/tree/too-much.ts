import { parseAliases } from "../aliases.ts";
import { dialectOf, isRootFtype, roleOf } from "../ftypes.ts";
import type { ProductsFile } from "../products.ts";

/** Images, and names of images, that one products file may make: each metadata item with each root is one. */
const MAX_IMAGES = 100_000;
const MAX_NAMES = 5_000_000;

/** Why a document is not looked into although it is short enough, as a sentence; undefined when it is. */
export function tooMuch(file: ProductsFile): string | undefined {
  let images = 0;
  let names = 0;
  for (const { aliases, versions } of file.products.values()) {
    let ofProduct = 0;
    for (const { items } of versions.values()) {
      const count = { metadata: 0, root: 0, unified: 0 };
      for (const { ftype } of items.values()) {
        if (isRootFtype(ftype)) count.root++;
        else if (dialectOf(ftype) !== undefined)
          count[roleOf(ftype) === "unified" ? "unified" : "metadata"]++;
      }
      ofProduct += count.metadata * count.root + count.unified;
    }
    images += ofProduct;
    if (ofProduct > 0) names += ofProduct * parseAliases(aliases).length;
  }
  if (images > MAX_IMAGES) return `expected at most ${MAX_IMAGES} images, got ${images}`;
  return names > MAX_NAMES ? `expected at most ${MAX_NAMES} names of images, got ${names}` : undefined;
}

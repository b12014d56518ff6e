import { deltaFtypes } from "../../simplestreams/ftypes.ts";
import { itemPath } from "../../simplestreams/item-path.ts";
import type { Item, Product, ProductsFile } from "../../simplestreams/products.ts";
import { type DeltaRoots, deltaOf, deltaRootOf } from "../../views/usable-deltas.ts";
import type { DeltaPair } from "./delta-pairs.ts";

/** A delta that was made, and whose bytes are staged. */
export interface MadeDelta {
  readonly pair: DeltaPair;
  readonly sha256: string;
  readonly size: number;
}

/**
 * The products file with the delta listed; undefined when the file no longer has what it was made of, or has a delta already: while it was
 * made, somebody else may have removed the base, added other files under the same name, or made one too.
 */
export function withDelta(file: ProductsFile, { pair, sha256, size }: MadeDelta): ProductsFile | undefined {
  const product = file.products.get(pair.product);
  const version = product?.versions.get(pair.version);
  const base = product?.versions.get(pair.base);
  if (product === undefined || version === undefined || deltaOf(version) !== undefined) return undefined;
  if (deltaRootOf(version)?.sha256 !== pair.root.sha256) return undefined;
  if (deltaRootOf(base)?.sha256 !== pair.baseRoot.sha256) return undefined;
  const roots: DeltaRoots = { delta_base_sha256: pair.baseRoot.sha256, delta_root_sha256: pair.root.sha256 };
  const item: Item = {
    ftype: deltaFtypes.squashfs,
    path: pathOf(product, pair, sha256),
    size,
    sha256,
    delta_base: pair.base,
    ...roots,
  };
  const items = new Map(version.items).set(`squashfs.${pair.base}.vcdiff`, item);
  const versions = new Map(product.versions).set(pair.version, { ...version, items });
  return { ...file, products: new Map(file.products).set(pair.product, { ...product, versions }) };
}

/** Beside the root, as every file of a build that is made here. */
function pathOf(
  { os = "", release = "", variant = "", arch = "" }: Product,
  { version, base }: DeltaPair,
  sha256: string,
): string {
  const name = `rootfs-from-${base}`;
  return itemPath({ os, release, variant, arch, version, name, sha256, extension: "vcdiff" });
}

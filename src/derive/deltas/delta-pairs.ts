import type { Item, Product, ProductsFile, Version } from "../../simplestreams/products.ts";
import { compareVersions } from "../../simplestreams/version-name.ts";
import { canBeBase, deltaOf, deltaRootOf } from "../../views/usable-deltas.ts";

/** A product's newest squashfs and the one before it: what a delta would be between. */
export interface DeltaPair {
  readonly product: string;
  readonly version: string;
  /** The version before. */
  readonly base: string;
  readonly root: RootFile;
  readonly baseRoot: RootFile;
  /** The delta that the version has already, from whatever version. */
  readonly present: Item | undefined;
}

export interface RootFile {
  readonly sha256: string;
  readonly size: number;
}

/** One pair for each product that has two versions with a squashfs. Older versions get no delta: no alias leads to them. */
export function deltaPairs({ products }: ProductsFile): DeltaPair[] {
  return [...products].flatMap(([key, product]) => pairOf(key, product) ?? []);
}

function pairOf(key: string, product: Product): DeltaPair | undefined {
  const [newest, before] = [...product.versions]
    .toSorted(([one], [other]) => compareVersions(one, other))
    .flatMap(([name, version]) => candidate(name, version) ?? []);
  if (newest === undefined || before === undefined) return undefined;
  return {
    product: key,
    version: newest.name,
    base: before.name,
    root: newest.root,
    baseRoot: before.root,
    present: deltaOf(newest.version),
  };
}

function candidate(
  name: string,
  version: Version,
): { readonly name: string; readonly version: Version; readonly root: RootFile } | undefined {
  const { sha256, size } = deltaRootOf(version) ?? {};
  if (sha256 === undefined || size === undefined || !canBeBase(version)) return undefined;
  return { name, version, root: { sha256, size } };
}

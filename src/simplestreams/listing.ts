import type { Item, Product, ProductsFile, Version } from "./products.ts";
import type { ItemPlace } from "./selection.ts";

/** The products files of one upstream, by their paths below its root. */
export type Listing = ReadonlyMap<string, ProductsFile>;

/** One item where it is listed. */
export interface ListedPlace extends ItemPlace {
  /** Of the products file. */
  readonly path: string;
}

/** An item that is a file which can be held: it says where it is, how large, and what is in it. */
export interface FileItem extends Item {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

/** Whether an item says everything that is needed to serve its file. */
export function isFileItem(item: Item): item is FileItem {
  return item.path !== undefined && item.size !== undefined && /^[0-9a-f]{64}$/.test(item.sha256 ?? "");
}

/** Every item, in the order of the documents. */
export function* placesIn(listing: Listing): Generator<ListedPlace> {
  for (const [path, file] of listing) {
    for (const [productName, product] of file.products) {
      for (const [versionName, version] of product.versions) {
        for (const [itemName, item] of version.items) {
          yield { path, file, productName, product, versionName, version, itemName, item };
        }
      }
    }
  }
}

/** A product where it is listed. */
export interface ProductPlace {
  readonly path: string;
  readonly file: ProductsFile;
  readonly productName: string;
  readonly product: Product;
}

/** A version where it is listed, for `mapVersions`. */
export interface VersionPlace extends ProductPlace {
  readonly versionName: string;
}

/**
 * The listing with each version replaced by what `change` makes of it; undefined leaves it out. A product or a file that loses all its
 * versions goes too; one that had none stays. What is not changed is not copied.
 */
export function mapVersions(
  listing: Listing,
  change: (version: Version, place: VersionPlace) => Version | undefined,
): Listing {
  const files = new Map<string, ProductsFile>();
  for (const [path, file] of listing) {
    const products = new Map<string, Product>();
    for (const [productName, product] of file.products) {
      const versions = new Map<string, Version>();
      for (const [versionName, version] of product.versions) {
        const changed = change(version, { path, file, productName, product, versionName });
        if (changed !== undefined) versions.set(versionName, changed);
      }
      if (versions.size > 0 || product.versions.size === 0)
        products.set(productName, { ...product, versions });
    }
    if (products.size > 0 || file.products.size === 0) files.set(path, { ...file, products });
  }
  return files;
}

/** Whether the files of this document are images that Incus and LXD could list. */
export function isImages(file: ProductsFile): boolean {
  return file.datatype === undefined || file.datatype === "image-downloads";
}

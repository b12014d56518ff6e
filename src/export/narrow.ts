import type { Product, ProductsFile, Version } from "../simplestreams/products.ts";
import { renderIndex, renderProducts } from "../simplestreams/render.ts";
import type { ItemPlace } from "../simplestreams/selection.ts";
import { readUpstreamIndex } from "../simplestreams/upstream-documents.ts";
import { readDocument } from "../store/documents.ts";
import type { Generation } from "../store/generation.ts";
import type { Store } from "../store/store.ts";

const INDEX = "streams/v1/index.json";

/** Only the items that are wanted, and the versions and products of which something is left. */
export function narrow(file: ProductsFile, isWanted: (place: ItemPlace) => boolean): ProductsFile {
  const products = new Map<string, Product>();
  for (const [productName, product] of file.products) {
    const versions = new Map<string, Version>();
    for (const [versionName, version] of product.versions) {
      const above = { file, productName, product, versionName, version };
      const items = new Map(
        [...version.items].filter(([itemName, item]) => isWanted({ ...above, itemName, item })),
      );
      if (items.size > 0) versions.set(versionName, { ...version, items });
    }
    if (versions.size > 0) products.set(productName, { ...product, versions });
  }
  return { ...file, products };
}

/**
 * The root of an image stream with other products files than the generation's: the same index, naming what is in them. By path, that of
 * the image stream included. Nothing when there are no products files, or the image stream has no index.
 */
export async function rootOf(
  store: Store,
  generation: Generation,
  { stream, listing }: { readonly stream: string; readonly listing: ReadonlyMap<string, ProductsFile> },
): Promise<Map<string, string>> {
  const root = new Map<string, string>();
  const index = generation.documents[`${stream}/${INDEX}`];
  if (listing.size === 0 || index === undefined) return root;
  const { entries, updated } = readUpstreamIndex(await readDocument(store, index), { name: INDEX });
  const named = [...entries].flatMap(([key, entry]) => {
    const products = listing.get(entry.path)?.products;
    return products === undefined ? [] : [[key, { ...entry, products: [...products.keys()] }] as const];
  });
  for (const [path, file] of listing) root.set(`${stream}/${path}`, renderProducts(file));
  const head = { format: "index:1.0", ...(updated === undefined ? {} : { updated }) };
  root.set(`${stream}/${INDEX}`, renderIndex({ ...head, index: new Map(named) }));
  return root;
}

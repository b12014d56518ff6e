import type { DocumentRecord, Generation } from "./generation.ts";
import { listedItems, productsRecord } from "./items.ts";
import type { Sha256, Store } from "./store.ts";

export type NamedBlobs = ReadonlySet<Sha256>;

/** Every blob that one of these generations names: documents, and the held items that its products files list. */
export async function namedBlobs(store: Store, generations: Iterable<Generation>): Promise<NamedBlobs> {
  const named = new Set<Sha256>();
  const read = new Set<Sha256>();
  for (const generation of generations) {
    for (const document of Object.values(generation.documents)) named.add(document.sha256);
    for (const products of productsOf(generation)) {
      // Most generations share most documents with the one before.
      if (read.has(products.sha256)) continue;
      read.add(products.sha256);
      for (const sha256 of await itemBlobs(store, products)) named.add(sha256);
    }
  }
  return named;
}

export async function namesAnyOf(
  store: Store,
  generation: Generation,
  wanted: ReadonlySet<Sha256>,
): Promise<boolean> {
  if (Object.values(generation.documents).some((document) => wanted.has(document.sha256))) return true;
  for (const products of productsOf(generation)) {
    if ((await itemBlobs(store, products)).some((sha256) => wanted.has(sha256))) return true;
  }
  return false;
}

export function productsOf(generation: Generation): DocumentRecord[] {
  return generation.streams.flatMap((stream) =>
    stream.products.map((path) => productsRecord(generation, stream, path)),
  );
}

async function itemBlobs(store: Store, products: DocumentRecord): Promise<Sha256[]> {
  const items = await listedItems(store, products);
  return items.map(({ fields }) => fields["sha256"]).filter((sha256) => typeof sha256 === "string");
}

import { readOwnProducts } from "../simplestreams/own-documents.ts";
import type { Product, ProductsFile } from "../simplestreams/products.ts";
import { readUpstreamProducts } from "../simplestreams/upstream-documents.ts";
import { readDocument } from "../store/documents.ts";
import type { DocumentRecord, Generation, StreamRecord, UpstreamRecord } from "../store/generation.ts";
import { productsRecord } from "../store/items.ts";
import type { Store } from "../store/store.ts";
import { withOrigins } from "../simplestreams/image-origin.ts";
import { readOrigins, readStreamState } from "../store/stream-state.ts";
import { emptyOwnStream, type ImageStream } from "../views/image-stream.ts";
import { isLxcDocument, LXC_PRODUCTS } from "../views/lxc-files.ts";

/**
 * The image streams of a generation, as the products documents it carries say: they are the one place where an image is
 * listed, so there is no second book that could disagree. None for an empty store.
 */
export async function readStreams(store: Store, generation: Generation | undefined): Promise<ImageStream[]> {
  if (generation === undefined) return [];
  const streams: ImageStream[] = [];
  for (const record of generation.streams) {
    const { upstream } = record;
    if (upstream !== undefined)
      streams.push(await readUpstreamStream(store, generation, { record, upstream }));
    else streams.push(await readOwnStream(store, generation, record));
  }
  return streams;
}

async function readOwnStream(
  store: Store,
  generation: Generation,
  record: StreamRecord,
): Promise<ImageStream> {
  const { name, origin } = record;
  const lxc = await readLxc(store, generation, record);
  const path = record.products.find((one) => one !== lxcPath(record));
  // An image stream without images has no documents, so that no client keeps an empty one.
  if (path === undefined) return { ...emptyOwnStream(), name, origin, ...lxc };
  const bytes = await readDocument(store, productsRecord(generation, record, path));
  const products = readOwnProducts(new TextDecoder().decode(bytes));
  return { name, origin, products: withOrigins(products, await readOrigins(store, record)), ...lxc };
}

function lxcPath({ name }: StreamRecord): string {
  return `${name}/${LXC_PRODUCTS}`;
}

async function readLxc(
  store: Store,
  generation: Generation,
  record: StreamRecord,
): Promise<Pick<ImageStream, "lxc">> {
  const path = lxcPath(record);
  if (!record.products.includes(path)) return {};
  const bytes = await readDocument(store, productsRecord(generation, record, path));
  return { lxc: readOwnProducts(new TextDecoder().decode(bytes)) };
}

async function readUpstreamStream(
  store: Store,
  generation: Generation,
  { record, upstream }: { readonly record: StreamRecord; readonly upstream: UpstreamRecord },
): Promise<ImageStream> {
  const { name, origin } = record;
  const listing = await readListing(store, generation, record);
  const { state: _state, ...rest } = upstream;
  const state = await readStreamState(store, record);
  return {
    name,
    origin,
    products: imagesOf(listing, name),
    upstream: {
      record: rest,
      state,
      documents: documentsOf(generation, name),
      productsPaths: [...listing.keys()],
      listing,
      holds: new Set(state.held ?? hashesIn(listing)),
    },
    ...(await readLxc(store, generation, record)),
  };
}

/** The products files of an image stream, by path below its root; not the one for LXC. */
export async function readListing(
  store: Store,
  generation: Generation,
  record: StreamRecord,
): Promise<ReadonlyMap<string, ProductsFile>> {
  const listing = new Map<string, ProductsFile>();
  for (const path of record.products) {
    if (path === lxcPath(record)) continue;
    const bytes = await readDocument(store, productsRecord(generation, record, path));
    listing.set(path.slice(record.name.length + 1), readUpstreamProducts(bytes, { name: path }).file);
  }
  return listing;
}

/** Without signatures that were made here: whoever publishes makes them. */
function documentsOf(generation: Generation, stream: string): Map<string, DocumentRecord> {
  const prefix = `${stream}/`;
  const own = Object.entries(generation.documents)
    .filter(([path, { signedBy }]) => path.startsWith(prefix) && signedBy === undefined)
    .map(([path, record]) => [path.slice(prefix.length), record] as const);
  // What is for LXC is made here, and rendered with every generation.
  return new Map(own.filter(([path]) => !isLxcDocument(path)));
}

/** What Incus and LXD could list, in one file: they would read all of them, and keys mean nothing to them. */
export function imagesOf(listing: ReadonlyMap<string, ProductsFile>, contentId: string): ProductsFile {
  const products = new Map<string, Product>();
  for (const [path, file] of listing) {
    if (file.datatype !== undefined && file.datatype !== "image-downloads") continue;
    for (const [key, product] of file.products)
      products.set(products.has(key) ? `${key}:${path}` : key, product);
  }
  return { content_id: contentId, datatype: "image-downloads", format: "products:1.0", products };
}

/** Every blob that a listing names. */
export function hashesIn(listing: ReadonlyMap<string, ProductsFile>): Set<string> {
  const hashes = new Set<string>();
  for (const { products } of listing.values()) {
    for (const { versions } of products.values()) {
      for (const { items } of versions.values()) {
        for (const { path, size, sha256 } of items.values()) {
          if (path !== undefined && size !== undefined && /^[0-9a-f]{64}$/.test(sha256 ?? ""))
            hashes.add(sha256 ?? "");
        }
      }
    }
  }
  return hashes;
}

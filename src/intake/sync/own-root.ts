import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { combinedFields } from "../../simplestreams/ftypes.ts";
import type { IndexEntry } from "../../simplestreams/index-file.ts";
import { renderIndex, renderProducts } from "../../simplestreams/render.ts";
import type { DocumentRecord } from "../../store/generation.ts";
import { itemsInProducts } from "../../store/items.ts";
import type { StoreWriter } from "../../store/store.ts";
import type { Fetched } from "./fetched.ts";
import { type Listing, placesIn } from "./listing.ts";

/** The documents of an image stream's own root, by path, and which of them are products files. */
export interface OwnRoot {
  readonly documents: ReadonlyMap<string, Uint8Array>;
  readonly productsPaths: readonly string[];
}

const INDEX = "streams/v1/index.json";

/** Where the JSON of a products file stands: clients read no other form. */
export function jsonPath(path: string): string {
  return path.replace(/\.sjson$/, ".json");
}

/** The upstream's own bytes. Where it has only the signed form of a document, its text stands beside it: Incus and LXD read that. */
export function verbatimRoot(fetched: Fetched): OwnRoot {
  const documents = new Map(fetched.documents);
  for (const [path, text] of fetched.products)
    if (!documents.has(jsonPath(path))) documents.set(jsonPath(path), text);
  if (!documents.has(INDEX)) documents.set(INDEX, encode(indexOf(fetched, undefined)));
  return { documents, productsPaths: [...fetched.products.keys()].map(jsonPath) };
}

/** What an item says of a file and of the images it is in. */
const SAID = ["path", "sha256", "size", "ftype", "combined_sha256", ...Object.values(combinedFields)];

/**
 * Whether whoever reads the upstream's own bytes finds the same files in them as we do: nothing odd was left out or put right, and nothing
 * stands further up. Otherwise the tree is rewritten, so that it names what is here.
 */
export function saysTheSame(fetched: Fetched, listing: Listing): boolean {
  const files = (items: Iterable<Readonly<Record<string, unknown>>>): string =>
    [...items]
      .filter(({ path }) => path !== undefined)
      .map((item) => JSON.stringify(SAID.map((field) => item[field])))
      .join("\n");
  for (const [path, text] of fetched.products) {
    const file = listing.get(jsonPath(path));
    const raw = JSON.parse(new TextDecoder().decode(text)) as Record<string, unknown>;
    const ours = new Map(file === undefined ? [] : [[path, file]]);
    if (
      files(itemsInProducts(raw).map(({ fields }) => fields)) !==
      files([...placesIn(ours)].map(({ item }) => item))
    )
      return false;
  }
  return true;
}

/** The same tree with other contents: each products file in its place, and an index that names what is in them. */
export function rewrittenRoot(fetched: Fetched, listing: Listing): OwnRoot {
  const documents = new Map<string, Uint8Array>();
  for (const [path, file] of listing) documents.set(path, encode(renderProducts(file)));
  if (documents.size > 0) documents.set(INDEX, encode(indexOf(fetched, listing)));
  return { documents, productsPaths: [...listing.keys()] };
}

function indexOf({ entries }: Fetched, listing: Listing | undefined): string {
  const index = new Map<string, IndexEntry>();
  let updated: string | undefined;
  for (const [name, entry] of entries) {
    const path = jsonPath(entry.path);
    const file = listing?.get(path);
    if (listing !== undefined && file === undefined) continue;
    index.set(name, {
      ...entry,
      path,
      ...(file === undefined ? {} : { products: [...file.products.keys()] }),
    });
    updated = entry.updated ?? updated;
  }
  return renderIndex({ format: "index:1.0", ...(updated === undefined ? {} : { updated }), index });
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const compress = promisify(gzip);

/** Puts the documents into the writer's area. JSON is sent gzipped as it lies in the store. */
export async function stageRoot(
  writer: StoreWriter,
  documents: ReadonlyMap<string, Uint8Array>,
): Promise<Map<string, DocumentRecord>> {
  const records = new Map<string, DocumentRecord>();
  for (const [path, bytes] of documents) {
    const { sha256, size } = await writer.put(await compress(bytes, { level: 6 }));
    records.set(path, { sha256, size, encoding: "gzip", type: typeOf(path) });
  }
  return records;
}

function typeOf(path: string): string {
  if (path.endsWith(".json")) return "application/json";
  return path.endsWith(".sjson") ? "text/plain; charset=utf-8" : "application/pgp-signature";
}

/** A root that is here with other products files, staged: their index stays, and signatures of what was changed go. */
export async function rewrittenDocuments(
  writer: StoreWriter,
  documents: ReadonlyMap<string, DocumentRecord>,
  listing: Listing,
): Promise<Map<string, DocumentRecord>> {
  const kept = [...documents].filter(([path]) => path.endsWith(".json"));
  const texts = [...listing].map(([path, file]): [string, Uint8Array] => [
    path,
    encode(renderProducts(file)),
  ]);
  return new Map([...kept, ...(await stageRoot(writer, new Map(texts)))]);
}

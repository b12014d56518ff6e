import { combinedFields } from "../../simplestreams/ftypes.ts";
import type { IndexEntry } from "../../simplestreams/index-file.ts";
import { renderIndex, renderProducts } from "../../simplestreams/render.ts";
import { itemsInProducts } from "../../store/items.ts";
import type { Fetched } from "./fetched.ts";
import { type Listing, placesIn } from "../../simplestreams/listing.ts";

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
  // What the upstream no longer names at all, and is kept.
  for (const [path, { content_id, datatype, format, products }] of listing ?? []) {
    if ([...index.values()].some((entry) => entry.path === path)) continue;
    const kept = { datatype: datatype ?? "image-downloads", format: format ?? "products:1.0" };
    const name = content_id === undefined || index.has(content_id) ? path : content_id;
    index.set(name, { ...kept, path, products: [...products.keys()] });
  }
  return renderIndex({ format: "index:1.0", ...(updated === undefined ? {} : { updated }), index });
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

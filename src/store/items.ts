import { HeadwaterError } from "../error.ts";
import { isRelativePath } from "../simplestreams/relative-path.ts";
import { readDocument } from "./documents.ts";
import type { DocumentRecord, Generation, StreamRecord } from "./generation.ts";
import type { Sha256, Store } from "./store.ts";
import { readStreamState } from "./stream-state.ts";

/** Every item of a generation: URL path (`<stream>/<item path>`, no leading slash) to its bytes. */
export type ItemTable = ReadonlyMap<string, ServedItem>;

export interface ServedItem {
  readonly sha256: Sha256;
  /** Bytes. */
  readonly size: number;
  readonly stream: string;
  /** Its path below the image stream, which is its path at the upstream. */
  readonly path: string;
  /** False for an item of a cache whose bytes are at the upstream. */
  readonly isHeld: boolean;
  /** Of a cache: its bytes may be let go, and come back. */
  readonly isCached: boolean;
}

/** One item where a products file lists it. */
export interface ListedItem {
  readonly product: string;
  readonly version: string;
  readonly item: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What the products files of the image streams list. Items without a path, a size and a hash have nothing to serve. */
export async function itemsOf(store: Store, generation: Generation): Promise<ItemTable> {
  const table = new Map<string, ServedItem>();
  for (const stream of generation.streams) {
    const { held } = await readStreamState(store, stream);
    const here = held === undefined ? undefined : new Set(held);
    for (const document of stream.products) {
      for (const { fields } of await listedItems(store, productsRecord(generation, stream, document))) {
        const { path, sha256, size } = fields;
        if (typeof path !== "string" || typeof sha256 !== "string" || typeof size !== "number") continue;
        // An upstream's own bytes may name anything.
        if (!isRelativePath(path)) continue;
        const isHeld = here?.has(sha256) ?? true;
        table.set(`${stream.name}/${path}`, {
          sha256,
          size,
          stream: stream.name,
          path,
          isHeld,
          isCached: here !== undefined,
        });
      }
    }
  }
  return table;
}

/** Every item that a products file lists, in its order. */
export async function listedItems(store: Store, record: DocumentRecord): Promise<ListedItem[]> {
  const text = new TextDecoder().decode(await readDocument(store, record));
  return itemsInProducts(parse(text, record));
}

/** Every item of a parsed products file. */
export function itemsInProducts(file: Readonly<Record<string, unknown>>): ListedItem[] {
  const listed: ListedItem[] = [];
  for (const [product, { versions }] of objects(file["products"])) {
    for (const [version, { items }] of objects(versions)) {
      for (const [item, fields] of objects(items)) listed.push({ product, version, item, fields });
    }
  }
  return listed;
}

export function productsRecord(generation: Generation, stream: StreamRecord, path: string): DocumentRecord {
  const record = generation.documents[path];
  if (record !== undefined) return record;
  throw new HeadwaterError(
    "STORE_UNUSABLE",
    `Generation ${generation.number} is damaged: image stream ${stream.name} names ${path}, which is not among its documents.`,
  );
}

function parse(text: string, record: DocumentRecord): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (error) {
    throw notProducts(record, error);
  }
  throw notProducts(record);
}

/** The members that are objects. JSON.parse makes `__proto__` an ordinary member, and entries are only read here. */
function objects(value: unknown): [string, Readonly<Record<string, unknown>>][] {
  if (!isObject(value)) return [];
  return Object.entries(value).filter((entry): entry is [string, Record<string, unknown>] =>
    isObject(entry[1]),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function notProducts(record: DocumentRecord, cause?: unknown): HeadwaterError {
  return new HeadwaterError("DOCUMENT_INVALID", `Document ${record.sha256} is not a products file.`, {
    hint: "`headwater verify` finds what else is damaged.",
    details: { sha256: record.sha256 },
    ...(cause === undefined ? {} : { cause }),
  });
}

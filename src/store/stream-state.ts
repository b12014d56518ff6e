import { isObject } from "../simplestreams/containers.ts";
import type { StreamRecord, StreamState } from "./generation.ts";
import { encodeJsonBlob, readJsonBlob } from "./json-blob.ts";
import type { Store } from "./store.ts";

/** What an upstream's record says in a blob of its own: nothing when it has none, and then a cache holds nothing. Throws BLOB_MISSING, BLOB_MISMATCH or DOCUMENT_INVALID. */
export async function readStreamState(
  store: Store,
  { origin, upstream }: StreamRecord,
): Promise<StreamState> {
  const nothing = origin === "cache" ? { held: [] } : {};
  if (upstream?.state === undefined) return nothing;
  return { ...nothing, ...(await readJsonBlob(store, upstream.state)) };
}

/** Where the versions of an own image stream were taken from: by product, then by version. Empty when all of it came from files. */
export type Origins = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

/** Throws BLOB_MISSING, BLOB_MISMATCH or DOCUMENT_INVALID. */
export async function readOrigins(store: Store, { origins }: StreamRecord): Promise<Origins> {
  if (origins === undefined) return new Map();
  return new Map(
    Object.entries((await readJsonBlob(store, origins)) ?? {}).map(([product, versions]) => [
      product,
      new Map(isObject(versions) ? Object.entries(versions) : []),
    ]),
  );
}

/** The bytes of the blob; undefined when there is nothing to say. */
export async function encodeOrigins(origins: Origins): Promise<Uint8Array | undefined> {
  if (origins.size === 0) return undefined;
  return encodeJsonBlob(
    Object.fromEntries([...origins].map(([product, versions]) => [product, Object.fromEntries(versions)])),
  );
}

/** The bytes of the blob; undefined when there is nothing to say. */
export async function encodeStreamState(state: StreamState): Promise<Uint8Array | undefined> {
  const { held, dropped = [], distrusted = [] } = state;
  if (held === undefined && dropped.length + distrusted.length === 0) return undefined;
  return encodeJsonBlob({
    ...(held === undefined ? {} : { held: held.toSorted() }),
    ...(dropped.length === 0 ? {} : { dropped }),
    ...(distrusted.length === 0 ? {} : { distrusted }),
  });
}

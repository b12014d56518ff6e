import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { isObject } from "../simplestreams/containers.ts";
import { readDocument } from "./documents.ts";
import type { Sha256, Store } from "./store.ts";

/** A gzipped JSON object in a blob of its own: what a generation says that is too long for its file, and nobody gets served. */
export interface JsonBlob {
  readonly sha256: Sha256;
  readonly size: number;
}

/** Its hash is checked: it is what a writer of this program wrote. Throws BLOB_MISSING, BLOB_MISMATCH or DOCUMENT_INVALID. */
export async function readJsonBlob(
  store: Store,
  blob: JsonBlob,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const record = { ...blob, encoding: "gzip", type: "application/json" } as const;
  const value: unknown = JSON.parse(new TextDecoder().decode(await readDocument(store, record)));
  return isObject(value) ? value : undefined;
}

const compress = promisify(gzip);

export function encodeJsonBlob(value: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
  return compress(JSON.stringify(value), { level: 6 });
}

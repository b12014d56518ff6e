import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Listing } from "../simplestreams/listing.ts";
import { renderProducts } from "../simplestreams/render.ts";
import type { DocumentRecord } from "../store/generation.ts";
import type { StoreWriter } from "../store/store.ts";

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
    new TextEncoder().encode(renderProducts(file)),
  ]);
  return new Map([...kept, ...(await stageRoot(writer, new Map(texts)))]);
}

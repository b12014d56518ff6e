import type { Listing } from "../simplestreams/listing.ts";
import { renderProducts } from "../simplestreams/render.ts";
import type { DocumentRecord } from "../store/generation.ts";
import type { StoreWriter } from "../store/store.ts";
import { stageDocument } from "./stage-document.ts";

/** Puts the documents of a root into the writer's area. */
export async function stageRoot(
  writer: StoreWriter,
  documents: ReadonlyMap<string, Uint8Array>,
): Promise<Map<string, DocumentRecord>> {
  const records = new Map<string, DocumentRecord>();
  for (const [path, bytes] of documents) {
    records.set(path, await stageDocument(writer, bytes, typeOf(path)));
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

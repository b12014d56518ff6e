import type { Generation } from "../store/generation.ts";
import { readDocumentBlob } from "../store/documents.ts";
import type { ItemTable } from "../store/items.ts";
import { itemsOf } from "../store/items.ts";
import type { Store } from "../store/store.ts";
import { LoadedDocument } from "./loaded-document.ts";

/** A generation in the shape in which requests are answered from it: everything is a look-up. */
export interface LoadedGeneration extends LoadedDocuments {
  readonly generation: Generation;
  readonly items: ItemTable;
}

export interface LoadedDocuments {
  readonly documents: ReadonlyMap<string, LoadedDocument>;
  /** Milliseconds, for Last-Modified. */
  readonly createdMs: number;
}

/** Reads documents and item table, all of it or nothing. */
export async function loadGeneration(
  store: Store,
  generation: Generation,
  previous?: LoadedGeneration,
): Promise<LoadedGeneration> {
  const documents = await loadDocuments(store, generation, previous);
  return { ...documents, generation, items: await itemsOf(store, generation) };
}

/** Documents that `previous` has too are taken over, so that a new generation costs what changed. */
export async function loadDocuments(
  store: Store,
  generation: Generation,
  previous?: LoadedDocuments,
): Promise<LoadedDocuments> {
  const known = new Map<string, LoadedDocument>();
  for (const document of previous?.documents.values() ?? []) known.set(document.key, document);
  const documents = new Map<string, LoadedDocument>();
  for (const [path, record] of Object.entries(generation.documents)) {
    const key = LoadedDocument.keyOf(record);
    let document = known.get(key);
    if (document === undefined) {
      document = new LoadedDocument(record, Buffer.from((await readDocumentBlob(store, record)).buffer));
      known.set(key, document);
    }
    documents.set(path, document);
  }
  return { documents, createdMs: Date.parse(generation.createdAt) };
}

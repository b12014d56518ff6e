import type { DocumentRecord, Generation } from "../store/generation.ts";
import { readDocumentBlob } from "../store/documents.ts";
import type { ItemTable } from "../store/items.ts";
import { itemsOf } from "../store/items.ts";
import type { Store } from "../store/store.ts";
import { LoadedDocument } from "./loaded-document.ts";
import type { LoadedDocuments, LoadedGeneration } from "./loaded-generation.ts";

/**
 * Reads generations for those who serve them. A document that several generations have is in memory once, as long as somebody
 * has it: a new generation costs what changed, and walking through old ones fills no memory with copies.
 */
export class GenerationReader {
  readonly store: Store;
  readonly #documents = new Map<string, WeakRef<LoadedDocument>>();
  readonly #forgotten = new FinalizationRegistry((key: string) => {
    if (this.#inMemory(key) === undefined) this.#documents.delete(key);
  });
  #line: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(store: Store) {
    this.store = store;
  }

  /** Documents and item table, all of it or nothing. */
  async whole(generation: Generation): Promise<LoadedGeneration> {
    return { ...(await this.documents(generation)), items: await this.items(generation) };
  }

  async documents(generation: Generation): Promise<LoadedDocuments> {
    const documents = new Map<string, LoadedDocument>();
    for (const [path, record] of Object.entries(generation.documents)) {
      documents.set(path, await this.#document(record));
    }
    return { generation, documents, createdMs: Date.parse(generation.createdAt) };
  }

  items(generation: Generation): Promise<ItemTable> {
    return itemsOf(this.store, generation);
  }

  /** One after the other: reading a large generation is work, and anybody may ask for an old one. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const done = this.#line.then(work).finally(() => {
      this.#waiting -= 1;
    });
    this.#line = done.catch(() => undefined);
    return done;
  }

  /** Readings that are under way or wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  async #document(record: DocumentRecord): Promise<LoadedDocument> {
    const key = LoadedDocument.keyOf(record);
    const known = this.#inMemory(key);
    if (known !== undefined) return known;
    const bytes = Buffer.from((await readDocumentBlob(this.store, record)).buffer);
    // Two may have read it at once.
    const other = this.#inMemory(key);
    if (other !== undefined) return other;
    const document = new LoadedDocument(record, bytes);
    this.#documents.set(key, new WeakRef(document));
    this.#forgotten.register(document, key);
    return document;
  }

  #inMemory(key: string): LoadedDocument | undefined {
    return this.#documents.get(key)?.deref();
  }
}

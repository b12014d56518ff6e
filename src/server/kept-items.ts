import type { ServedItem, ItemTable } from "../store/items.ts";
import { contains, numbersOf } from "../store/keeps.ts";
import type { GenerationReader } from "./generation-reader.ts";
import type { LoadedGeneration } from "./loaded-generation.ts";

interface KeptItem {
  readonly item: ServedItem;
  /** The newest generation that lists it. */
  readonly number: number;
}

/**
 * Items that the newest generation no longer lists and a kept one does. Clients cache an index for an hour and must
 * get what it names until then. What a running server has served it remembers; generations that were there before it
 * started are read when somebody asks for a file that is nowhere else, once each, newest first.
 */
export class KeptItems {
  readonly #reader: GenerationReader;
  readonly #onError: (number: number, error: unknown) => void;
  readonly #items = new Map<string, KeptItem>();
  readonly #seen = new Set<number>();
  /** Seen without being read: their products files are those of a newer generation. */
  readonly #skipped = new Set<number>();
  /** SHA-256 of the products files that were read. */
  readonly #documents = new Set<string>();
  #current: LoadedGeneration | undefined;
  #reading: Promise<void> | undefined;
  #closed = false;

  constructor(reader: GenerationReader, onError: (number: number, error: unknown) => void) {
    this.#reader = reader;
    this.#onError = onError;
  }

  /** What is known without reading. */
  get(path: string): ServedItem | undefined {
    return this.#items.get(path)?.item;
  }

  /** Reads kept generations until the item is found, or until there is none left. */
  async find(path: string): Promise<ServedItem | undefined> {
    for (;;) {
      const known = this.get(path);
      const next = this.#unread().next();
      if (known !== undefined || next.done === true || this.#closed) return known;
      const number = next.value;
      this.#reading ??= this.#reader
        .inTurn(() => this.#read(number))
        .finally(() => {
          this.#reading = undefined;
        });
      await this.#reading;
    }
  }

  /** A new generation is served; `previous` is the one that was, with its table at hand. */
  follow(current: LoadedGeneration, previous?: LoadedGeneration): void {
    this.#current = current;
    if (previous !== undefined) this.#remember(previous.items, previous.generation.number);
    const { keeps } = current.generation;
    for (const [path, kept] of this.#items) {
      if (current.items.has(path) || !contains(keeps, kept.number)) this.#items.delete(path);
    }
    for (const number of this.#seen) {
      if (contains(keeps, number)) continue;
      this.#seen.delete(number);
      // An older one that was skipped because of it may be pinned, and be the only one left with these items.
      for (const skipped of this.#skipped) this.#seen.delete(skipped);
      this.#skipped.clear();
      this.#documents.clear();
    }
  }

  close(): void {
    this.#closed = true;
  }

  *#unread(): Generator<number, undefined> {
    const current = this.#current;
    if (current === undefined) return;
    for (const number of [...numbersOf(current.generation.keeps)].toReversed()) {
      if (number !== current.generation.number && !this.#seen.has(number)) yield number;
    }
  }

  #remember(items: ItemTable, number: number): void {
    this.#seen.add(number);
    for (const [path, item] of items) {
      if (this.#current?.items.has(path) === true) continue;
      const known = this.#items.get(path);
      if (known === undefined || known.number < number) this.#items.set(path, { item, number });
    }
  }

  async #read(number: number): Promise<void> {
    try {
      const generation = await this.#reader.store.generation(number);
      const documents = (generation?.streams ?? []).flatMap(({ products }) =>
        products.map((path) => generation?.documents[path]?.sha256 ?? ""),
      );
      if (generation === undefined || documents.every((sha256) => this.#documents.has(sha256))) {
        this.#skipped.add(number);
      } else {
        this.#remember(await this.#reader.items(generation), number);
        for (const sha256 of documents) this.#documents.add(sha256);
      }
    } catch (error) {
      this.#onError(number, error);
    }
    this.#seen.add(number);
    // Reading one is work; a long row of them must not hold up those who are being served.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

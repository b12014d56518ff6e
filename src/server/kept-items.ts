import { contains, numbersOf } from "../store/keeps.ts";
import type { Store } from "../store/store.ts";
import type { HeldItem, ItemTable } from "../store/items.ts";
import { itemsOf } from "../store/items.ts";
import type { LoadedGeneration } from "./loaded-generation.ts";

interface KeptItem {
  readonly item: HeldItem;
  /** The newest generation that lists it. */
  readonly number: number;
}

/**
 * Items that the newest generation no longer lists and a kept one does. Clients cache an index for an hour and must
 * get what it names until then. Older generations are read once each, newest first, in the background and one at a time.
 */
export class KeptItems {
  readonly #store: Store;
  readonly #onError: (number: number, error: unknown) => void;
  readonly #items = new Map<string, KeptItem>();
  readonly #seenGenerations = new Set<number>();
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(store: Store, onError: (number: number, error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  /** What is known now. `settled` makes sure that nothing is missing. */
  get(path: string): HeldItem | undefined {
    return this.#items.get(path)?.item;
  }

  /** Resolves when every kept generation known so far has been looked at. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** A new generation is served; `previous` is the one that was, with its table at hand. */
  follow(current: LoadedGeneration, previous?: LoadedGeneration): void {
    if (previous !== undefined) {
      this.#remember(previous.items, previous.generation.number, current.items);
    }
    this.#forget(current);
    this.#work = this.#work.then(() => this.#catchUp(current));
  }

  close(): void {
    this.#closed = true;
  }

  #remember(items: ItemTable, number: number, current: ItemTable): void {
    this.#seenGenerations.add(number);
    for (const [path, item] of items) {
      if (current.has(path)) continue;
      const known = this.#items.get(path);
      if (known === undefined || known.number < number) this.#items.set(path, { item, number });
    }
  }

  /** Drops what is listed again, and what only generations list that are no longer kept. */
  #forget(current: LoadedGeneration): void {
    const { keeps } = current.generation;
    for (const [path, kept] of this.#items) {
      if (current.items.has(path) || !contains(keeps, kept.number)) this.#items.delete(path);
    }
    for (const number of this.#seenGenerations) {
      if (!contains(keeps, number)) this.#seenGenerations.delete(number);
    }
  }

  async #catchUp(current: LoadedGeneration): Promise<void> {
    const numbers = [...numbersOf(current.generation.keeps)].toReversed();
    for (const number of numbers) {
      if (this.#closed) return;
      if (number === current.generation.number || this.#seenGenerations.has(number)) continue;
      try {
        await this.#read(number, current);
      } catch (error) {
        this.#onError(number, error);
      }
      // A long row of generations must not hold up those who are being served.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #read(number: number, current: LoadedGeneration): Promise<void> {
    const generation = await this.#store.generation(number);
    if (generation === undefined) return;
    this.#remember(await itemsOf(this.#store, generation), number, current.items);
  }
}

import { contains } from "../store/keeps.ts";
import type { Generation } from "../store/generation.ts";
import type { Store } from "../store/store.ts";
import type { ItemTable } from "../store/items.ts";
import { itemsOf } from "../store/items.ts";
import type { LoadedDocuments, LoadedGeneration } from "./loaded-generation.ts";
import { loadDocuments } from "./loaded-generation.ts";

/** An older generation: its documents, and its item table once a file is asked for. */
export interface OlderGeneration extends LoadedDocuments {
  readonly items: () => Promise<ItemTable>;
}

/** What `/@42/` or `/@2026-11-21/` means now. */
export type Older =
  | { readonly kind: "loaded"; readonly loaded: OlderGeneration }
  /** It was there, and is no longer kept. */
  | { readonly kind: "gone"; readonly number: number }
  | { readonly kind: "never" }
  /** Too many are being read at once. */
  | { readonly kind: "busy" };

/** Generations in memory besides the newest, and readings under way, each. */
const KEPT_IN_MEMORY = 3;
const WAITING = 8;

/** Older generations, read when asked for and kept while others are not asked for more recently. */
export class OlderGenerations {
  readonly #store: Store;
  /** By number, least recently used first. */
  readonly #loaded = new Map<number, Promise<OlderGeneration | undefined>>();
  /** A day that is over always means the same generation. */
  readonly #days = new Map<string, number>();
  #line: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** `name` is what follows the `@`. */
  async find(name: string, current: LoadedGeneration, nowMs: number = Date.now()): Promise<Older> {
    const number = /^[1-9]\d{0,9}$/.test(name)
      ? Number(name)
      : await this.#numberOfDay(name, current.generation, nowMs);
    const newest = current.generation.number;
    if (number === undefined || number > newest) return { kind: "never" };
    if (number === newest)
      return { kind: "loaded", loaded: { ...current, items: async () => current.items } };
    if (!contains(current.generation.keeps, number)) return { kind: "gone", number };
    const cached = this.#loaded.get(number);
    if (cached === undefined && this.#waiting >= WAITING) return { kind: "busy" };
    const loaded = await (cached ?? this.#load(number));
    this.#touch(number);
    return loaded === undefined ? { kind: "never" } : { kind: "loaded", loaded };
  }

  #load(number: number): Promise<OlderGeneration | undefined> {
    const loading = this.#inTurn(() => this.#read(number)).catch((error: unknown) => {
      // The next one who asks tries again.
      this.#loaded.delete(number);
      throw error;
    });
    this.#loaded.set(number, loading);
    return loading;
  }

  async #read(number: number): Promise<OlderGeneration | undefined> {
    const generation = await this.#store.generation(number);
    if (generation === undefined) return undefined;
    let items: Promise<ItemTable> | undefined;
    return {
      ...(await loadDocuments(this.#store, generation)),
      items: () => {
        items ??= this.#inTurn(() => itemsOf(this.#store, generation)).catch((error: unknown) => {
          items = undefined;
          throw error;
        });
        return items;
      },
    };
  }

  /** One after the other: reading a large generation is work, and anybody may ask for it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const done = this.#line.then(work).finally(() => {
      this.#waiting -= 1;
    });
    this.#line = done.catch(() => undefined);
    return done;
  }

  #touch(number: number): void {
    const loading = this.#loaded.get(number);
    if (loading === undefined) return;
    this.#loaded.delete(number);
    this.#loaded.set(number, loading);
    for (const oldest of this.#loaded.keys()) {
      if (this.#loaded.size <= KEPT_IN_MEMORY) break;
      this.#loaded.delete(oldest);
    }
  }

  /** The newest generation created at or before 00:00 UTC of the day; found by halving, as `createdAt` only grows. */
  async #numberOfDay(day: string, newest: Generation, nowMs: number): Promise<number | undefined> {
    const midnight = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
    // A day to come has no state yet, and 2026-02-30 is no day.
    if (!(midnight <= nowMs) || new Date(midnight).toISOString().slice(0, 10) !== day) return undefined;
    const known = this.#days.get(day);
    if (known !== undefined) return known;
    let low = 0;
    let high = newest.number;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const generation = middle === newest.number ? newest : await this.#store.generation(middle);
      if (generation === undefined || Date.parse(generation.createdAt) > midnight) high = middle - 1;
      else low = middle;
    }
    if (low === 0) return undefined;
    if (this.#days.size >= 1000) this.#days.clear();
    this.#days.set(day, low);
    return low;
  }
}

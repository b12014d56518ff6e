import { contains } from "../store/keeps.ts";
import type { Generation } from "../store/generation.ts";
import { type GenerationOfDay, generationOfDay } from "../store/generation-of-day.ts";
import type { ItemTable } from "../store/items.ts";
import type { GenerationReader } from "./generation-reader.ts";
import type { LoadedDocuments, LoadedGeneration } from "./loaded-generation.ts";

/** A generation as it is had by its name: its documents, and its item table once a file is asked for. */
export interface NamedGeneration extends LoadedDocuments {
  readonly items: () => Promise<ItemTable>;
}

/** What `/@42/` or `/@2026-11-21/` means now. */
export type Named =
  | {
      readonly kind: "loaded";
      readonly loaded: NamedGeneration;
      /** Whether the name means this generation for ever: always for a number. */
      readonly isSettled: boolean;
    }
  /** It was there, and is no longer kept. */
  | { readonly kind: "gone"; readonly number: number }
  | { readonly kind: "never" }
  /** Too many are being read at once. */
  | { readonly kind: "busy" };

/** Generations in memory besides the newest, and readings under way, each. */
const KEPT_IN_MEMORY = 3;
const WAITING = 8;

/** Generations by their names, read when asked for and kept while others are not asked for more recently. */
export class OlderGenerations {
  readonly #reader: GenerationReader;
  /** By number, least recently used first. */
  readonly #loaded = new Map<number, Promise<NamedGeneration | undefined>>();
  /** Days that mean the same generation for ever. */
  readonly #days = new Map<string, GenerationOfDay>();

  constructor(reader: GenerationReader) {
    this.#reader = reader;
  }

  /** `name` is what follows the `@`. */
  async find(name: string, current: LoadedGeneration, nowMs: number = Date.now()): Promise<Named> {
    const { number, isSettled } = /^[1-9]\d{0,9}$/.test(name)
      ? { number: Number(name), isSettled: true }
      : ((await this.#ofDay(name, current.generation, nowMs)) ?? { number: 0, isSettled: false });
    const newest = current.generation.number;
    if (number === 0 || number > newest) return { kind: "never" };
    if (number === newest) {
      const loaded = { ...current, items: async () => current.items };
      return { kind: "loaded", loaded, isSettled };
    }
    if (!contains(current.generation.keeps, number)) return { kind: "gone", number };
    const cached = this.#loaded.get(number);
    if (cached === undefined && this.#reader.waiting >= WAITING) return { kind: "busy" };
    const loaded = await (cached ?? this.#load(number));
    this.#touch(number);
    return loaded === undefined ? { kind: "never" } : { kind: "loaded", loaded, isSettled };
  }

  #load(number: number): Promise<NamedGeneration | undefined> {
    const loading = this.#reader
      .inTurn(() => this.#read(number))
      .catch((error: unknown) => {
        // The next one who asks tries again.
        this.#loaded.delete(number);
        throw error;
      });
    this.#loaded.set(number, loading);
    return loading;
  }

  async #read(number: number): Promise<NamedGeneration | undefined> {
    const reader = this.#reader;
    const generation = await reader.store.generation(number);
    if (generation === undefined) return undefined;
    let items: Promise<ItemTable> | undefined;
    return {
      ...(await reader.documents(generation)),
      items: () => {
        items ??= reader
          .inTurn(() => reader.items(generation))
          .catch((error: unknown) => {
            items = undefined;
            throw error;
          });
        return items;
      },
    };
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

  async #ofDay(day: string, newest: Generation, nowMs: number): Promise<GenerationOfDay | undefined> {
    const known = this.#days.get(day);
    if (known !== undefined) return known;
    const found = await generationOfDay(this.#reader.store, newest, { day, nowMs });
    if (found?.isSettled !== true) return found;
    if (this.#days.size >= 1000) this.#days.clear();
    this.#days.set(day, found);
    return found;
  }
}

import type { Store } from "../store/store.ts";
import { GenerationReader } from "./generation-reader.ts";
import { KeptItems } from "./kept-items.ts";
import type { LoadedGeneration } from "./loaded-generation.ts";
import type { Logger } from "./logger.ts";
import { type Named, OlderGenerations } from "./older-generations.ts";

/** The newest generation, whole: one look at `loaded` serves one answer. What the store keeps besides is read when it is asked for. */
export interface CurrentGeneration {
  /** Undefined while the store is empty, or when none of its generations could be read yet. */
  readonly loaded: LoadedGeneration | undefined;
  readonly kept: KeptItems;
  /** A generation by its number or by a day, `42` or `2026-11-21`; also one that was published just before. */
  named(name: string): Promise<Named>;
  /** Looks now instead of in a moment: for somebody who asks for what was published just before. Many who ask share one look. */
  refresh(): Promise<void>;
  close(): void;
}

export interface FollowOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly pollMs?: number;
}

/** Half of the second within which a new generation is to be served. */
const POLL_MS = 500;

/**
 * Loads the newest generation and keeps following. The first look is part of starting: a store that cannot be read at all
 * throws. Later, and for a generation whose documents are damaged, the one that was served goes on being served, and one line says why.
 */
export async function followGenerations(options: FollowOptions): Promise<CurrentGeneration> {
  const follower = new Follower(options);
  await follower.start();
  return follower;
}

class Follower implements CurrentGeneration {
  readonly kept: KeptItems;
  readonly #reader: GenerationReader;
  readonly #older: OlderGenerations;
  readonly #options: FollowOptions;
  #loaded: LoadedGeneration | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #lastComplaint = "";
  #refreshing: Promise<void> | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#reader = new GenerationReader(options.store);
    this.#older = new OlderGenerations(this.#reader);
    this.kept = new KeptItems(this.#reader, (number, error) => {
      options.log.warn({ generation: number, err: error }, "an older generation cannot be read");
    });
  }

  get loaded(): LoadedGeneration | undefined {
    return this.#loaded;
  }

  async start(): Promise<void> {
    await this.#look(true);
    this.#schedule();
  }

  async named(name: string): Promise<Named> {
    const { loaded } = this;
    if (loaded === undefined) return { kind: "never" };
    try {
      const found = await this.#older.find(name, loaded);
      if (found.kind !== "never") return found;
      await this.refresh();
      return this.loaded === undefined ? found : await this.#older.find(name, this.loaded);
    } catch (error) {
      // Its documents may be gone with it, given up a moment ago.
      await this.refresh();
      if (this.loaded === undefined || this.loaded === loaded) throw error;
      return this.#older.find(name, this.loaded);
    }
  }

  refresh(): Promise<void> {
    this.#refreshing ??= this.#look(false).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.kept.close();
  }

  /** The next look starts when this one is through: a slow disk is not asked twice at once. */
  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.#look(false).finally(() => this.#schedule());
    }, this.#options.pollMs ?? POLL_MS).unref();
  }

  async #look(isFirst: boolean): Promise<void> {
    const { store, log } = this.#options;
    let number = 0;
    try {
      const newest = await store.newest();
      const current = this.#loaded;
      if (newest === undefined || newest.id === current?.generation.id) return;
      number = newest.number;
      const next = await this.#reader.whole(newest);
      // Two looks may overlap, and the one that began first may end last.
      const isOvertaken = this.#loaded !== current && (this.#loaded?.generation.number ?? 0) >= number;
      if (this.#closed || isOvertaken) return;
      this.#loaded = next;
      this.kept.follow(next, current);
      this.#lastComplaint = "";
      log.info({ generation: number, reason: newest.reason.text }, "serving a generation");
    } catch (error) {
      if (isFirst && number === 0) throw error;
      this.#complain(number, error);
    }
  }

  /** Twice a second is too often for the same line. */
  #complain(number: number, error: unknown): void {
    const complaint = `${number} ${error instanceof Error ? error.message : String(error)}`;
    if (complaint === this.#lastComplaint) return;
    this.#lastComplaint = complaint;
    const facts = { generation: number, serving: this.#loaded?.generation.number ?? 0, err: error };
    this.#options.log.error(facts, "the newest generation cannot be read; the one before stays");
  }
}

import { isObject } from "../../simplestreams/containers.ts";
import type { Store } from "../../store/store.ts";
import type { DeltaPair } from "./delta-pairs.ts";
import type { Made } from "./make-delta.ts";

/** What came of a try that gave no delta. */
export type Attempt = Exclude<Made, { readonly kind: "made" }>;

/** A program that failed may be a better one tomorrow; how large a delta is does not change. */
const FAILURE_COUNTS_MS = 24 * 60 * 60 * 1000;

/** What was tried in vain, in the note `deltas/<stream>`, so that it is not tried each hour. Lost, it is tried once more. */
export class Attempts {
  readonly #store: Store;
  readonly #note: string;
  readonly #known: Map<string, Remembered>;

  private constructor(store: Store, note: string, known: Map<string, Remembered>) {
    this.#store = store;
    this.#note = note;
    this.#known = known;
  }

  /** Never throws: a note that makes no sense is no note. */
  static async read(store: Store, stream: string): Promise<Attempts> {
    const note = `deltas/${stream}`;
    const known = new Map<string, Remembered>();
    try {
      const value: unknown = JSON.parse((await store.readNote(note)) ?? "{}");
      for (const [pair, attempt] of Object.entries(isObject(value) ? value : {})) {
        if (isRemembered(attempt)) known.set(pair, attempt);
      }
    } catch {
      // Nothing is remembered.
    }
    return new Attempts(store, note, known);
  }

  /** What came of this pair, if that still counts. */
  of(pair: DeltaPair, now: number): Attempt | undefined {
    const attempt = this.#known.get(keyOf(pair));
    if (attempt?.kind === "failed" && now - attempt.atMs > FAILURE_COUNTS_MS) return undefined;
    return attempt;
  }

  /** Remembers it, and forgets all that is about none of the pairs that there are now. */
  async remember(
    pair: DeltaPair,
    attempt: Attempt,
    at: { readonly now: number; readonly pairs: readonly DeltaPair[] },
  ): Promise<void> {
    this.#known.set(keyOf(pair), { ...attempt, atMs: at.now });
    const wanted = new Set(at.pairs.map(keyOf));
    for (const key of this.#known.keys()) if (!wanted.has(key)) this.#known.delete(key);
    await this.#store.writeNote(this.#note, JSON.stringify(Object.fromEntries(this.#known)));
  }
}

type Remembered = Attempt & { readonly atMs: number };

function keyOf({ baseRoot, root }: DeltaPair): string {
  return `${baseRoot.sha256} ${root.sha256}`;
}

function isRemembered(value: unknown): value is Remembered {
  if (!isObject(value) || typeof value["atMs"] !== "number") return false;
  if (value["kind"] === "failed") return typeof value["reason"] === "string";
  return value["kind"] === "not worth it" && typeof value["size"] === "number";
}

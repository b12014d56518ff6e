import type { Generation, StreamRecord } from "./generation.ts";
import { listedItems, productsRecord } from "./items.ts";
import type { Sha256, Store } from "./store.ts";
import { readStreamState } from "./stream-state.ts";

export interface Holding {
  /** Listed items whose bytes are to be here. */
  readonly named: ReadonlySet<Sha256>;
  /** Fingerprints that are known to be wrong, in this generation or in a newer one. */
  readonly distrusted: ReadonlySet<string>;
}

interface Past {
  readonly seen: Set<string>;
  /** What newer generations list. */
  readonly listed: Set<Sha256>;
  /** What a newer generation lists and does not hold. */
  readonly evicted: Set<Sha256>;
  readonly distrusted: Set<string>;
}

/**
 * What generations hold of what they list; asked about the newest first. Own image streams and mirrors hold everything. A cache holds what
 * its state says, and of that an older generation no longer names what a newer one lists and does not hold: clients get it from the
 * upstream, so evicting frees space at once, though generations live for a day. What is not listed any more is kept as everything is.
 */
export class Holdings {
  readonly #store: Store;
  readonly #past = new Map<string, Past>();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Undefined when a newer generation has the same products files: then this one names nothing that the newer does not, since what
   * only this one held has been evicted.
   */
  async of(generation: Generation, stream: StreamRecord): Promise<Holding | undefined> {
    const documents = stream.products.map((path) => productsRecord(generation, stream, path));
    const key = [stream.origin, ...documents.map(({ sha256 }) => sha256)].join(" ");
    const past = this.#pastOf(stream.name);
    if (past.seen.has(key)) return undefined;
    past.seen.add(key);
    const listed = new Set<Sha256>();
    for (const document of documents) {
      for (const { fields } of await listedItems(this.#store, document)) {
        if (typeof fields["sha256"] === "string") listed.add(fields["sha256"]);
      }
    }
    const { held, distrusted = [] } = await readStreamState(this.#store, stream);
    for (const { fingerprint } of distrusted) past.distrusted.add(fingerprint);
    if (held === undefined) return { named: listed, distrusted: past.distrusted };
    const named = new Set<Sha256>();
    for (const sha256 of held) {
      if (!listed.has(sha256) || past.evicted.has(sha256)) continue;
      // A generation between that evicted it may be given up, when a pin keeps this one for longer.
      const isNews = past.seen.size === 1 || past.listed.has(sha256);
      if (isNews || (await this.#store.sizeOf(sha256)) !== undefined) named.add(sha256);
    }
    const here = new Set(held);
    for (const sha256 of listed) past.listed.add(sha256);
    for (const sha256 of listed) if (!here.has(sha256)) past.evicted.add(sha256);
    return { named, distrusted: past.distrusted };
  }

  #pastOf(name: string): Past {
    const known = this.#past.get(name);
    if (known !== undefined) return known;
    const past = {
      seen: new Set<string>(),
      listed: new Set<Sha256>(),
      evicted: new Set<Sha256>(),
      distrusted: new Set<string>(),
    };
    this.#past.set(name, past);
    return past;
  }
}

import type { DocumentRecord, Generation, StreamRecord } from "./generation.ts";
import { listedItems, productsRecord } from "./items.ts";
import type { Sha256, Store } from "./store.ts";
import { readStreamState } from "./stream-state.ts";

export type NamedBlobs = ReadonlySet<Sha256>;

/**
 * Every blob that one of these generations names: documents, states of image streams, and the items that are to be here. `generations` begins
 * with the newest. What the newest lists as being at the upstream an older generation's cache no longer names: clients get it from there,
 * and evicting frees space at once, though generations live for a day.
 */
export async function namedBlobs(store: Store, generations: Iterable<Generation>): Promise<NamedBlobs> {
  const naming = new Naming(store);
  for (const generation of generations) await naming.add(generation);
  return naming.named;
}

/** The same for one generation alone. */
export async function namesAnyOf(
  store: Store,
  generation: Generation,
  wanted: ReadonlySet<Sha256>,
): Promise<boolean> {
  for (const sha256 of await namedBlobs(store, [generation])) if (wanted.has(sha256)) return true;
  return false;
}

class Naming {
  readonly named = new Set<Sha256>();
  readonly #store: Store;
  /** Items of products files, by the document's hash: most generations share most documents. */
  readonly #items = new Map<Sha256, readonly Sha256[]>();
  readonly #done = new Set<string>();
  /** By image stream: what the newest generation lists and does not hold. */
  #elsewhere: ReadonlyMap<string, ReadonlySet<Sha256>> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  async add(generation: Generation): Promise<void> {
    for (const { sha256 } of Object.values(generation.documents)) this.named.add(sha256);
    const elsewhere = new Map<string, ReadonlySet<Sha256>>();
    for (const stream of generation.streams)
      elsewhere.set(stream.name, await this.#addStream(generation, stream));
    this.#elsewhere ??= elsewhere;
  }

  /** @returns what the image stream lists and does not hold */
  async #addStream(generation: Generation, stream: StreamRecord): Promise<ReadonlySet<Sha256>> {
    const state = stream.upstream?.state?.sha256;
    if (state !== undefined) this.named.add(state);
    const documents = stream.products.map((path) => productsRecord(generation, stream, path));
    const key = [stream.name, state ?? "", ...documents.map(({ sha256 }) => sha256)].join(" ");
    if (this.#done.has(key)) return new Set();
    this.#done.add(key);
    const listed = new Set<Sha256>();
    for (const document of documents) for (const sha256 of await this.#itemsOf(document)) listed.add(sha256);
    const { held } = await readStreamState(this.#store, stream);
    if (held === undefined) {
      for (const sha256 of listed) this.named.add(sha256);
      return new Set();
    }
    const elsewhere = this.#elsewhere?.get(stream.name);
    for (const sha256 of held) {
      if (listed.has(sha256) && elsewhere?.has(sha256) !== true) this.named.add(sha256);
      listed.delete(sha256);
    }
    return listed;
  }

  async #itemsOf(document: DocumentRecord): Promise<readonly Sha256[]> {
    const known = this.#items.get(document.sha256);
    if (known !== undefined) return known;
    const items = await listedItems(this.#store, document);
    const hashes = items.map(({ fields }) => fields["sha256"]).filter((sha256) => typeof sha256 === "string");
    this.#items.set(document.sha256, hashes);
    return hashes;
  }
}

import { publish } from "../../publish/publish.ts";
import { readListing } from "../../publish/read-streams.ts";
import { fingerprintsOf } from "../../simplestreams/fingerprint.ts";
import type { Sha256, Store, StoreWriter } from "../../store/store.ts";
import type { Listing } from "../../simplestreams/listing.ts";
import { rewrittenDocuments } from "../../publish/upstream-root.ts";
import { withoutImages } from "../sync/left-out.ts";
import { isImages } from "../../simplestreams/listing.ts";

/** What an image's files have to come to together. */
export interface Pair {
  readonly metadata: Sha256;
  readonly root: Sha256;
  readonly fingerprint: string;
}

/** The pairs of metadata and root that image streams list, read once for each state of their documents. */
export class Pairs {
  readonly #store: Store;
  readonly #known = new Map<string, { readonly key: string; readonly pairs: Promise<readonly Pair[]> }>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Those that a root belongs to. */
  async ofRoot(stream: string, root: Sha256): Promise<readonly Pair[]> {
    return (await this.#of(stream)).filter((pair) => pair.root === root);
  }

  async #of(name: string): Promise<readonly Pair[]> {
    const generation = await this.#store.newest();
    const record = generation?.streams.find((stream) => stream.name === name);
    if (generation === undefined || record === undefined) return [];
    const key = record.products.map((path) => generation.documents[path]?.sha256 ?? "").join(" ");
    const known = this.#known.get(name);
    if (known?.key === key) return known.pairs;
    const pairs = readListing(this.#store, generation, record).then(pairsIn);
    this.#known.set(name, { key, pairs });
    pairs.catch(() => this.#known.delete(name));
    return pairs;
  }
}

/** All pairs of a listing. */
export function pairsIn(listing: Listing): Pair[] {
  const pairs: Pair[] = [];
  for (const file of listing.values()) {
    if (!isImages(file)) continue;
    for (const { versions } of file.products.values()) {
      for (const version of versions.values()) {
        for (const { fingerprint, metadataKey, itemKey } of fingerprintsOf(version)) {
          const metadata = metadataKey === undefined ? undefined : version.items.get(metadataKey)?.sha256;
          const root = version.items.get(itemKey)?.sha256;
          if (metadata !== undefined && root !== undefined) pairs.push({ metadata, root, fingerprint });
        }
      }
    }
  }
  return pairs;
}

/**
 * Publishes that an image is not to be trusted: it is listed nowhere from then on. Its image stream's own root is written anew without
 * it and is the upstream's own bytes no more; signatures, which would be false, go.
 */
export async function distrust(
  store: Store,
  writer: StoreWriter,
  { stream: name, fingerprints }: { readonly stream: string; readonly fingerprints: readonly string[] },
): Promise<void> {
  const wrong = new Set(fingerprints);
  const reason = "its bytes are not what its fingerprint says";
  await publish(store, writer, async (streams) => {
    const generation = await store.newest();
    const record = generation?.streams.find((one) => one.name === name);
    const stream = streams.find((one) => one.name === name);
    if (generation === undefined || record === undefined || stream?.upstream === undefined) return undefined;
    const { upstream } = stream;
    const known = upstream.state.distrusted ?? [];
    const added = [...wrong].filter((one) => !known.some(({ fingerprint }) => fingerprint === one));
    if (added.length === 0) return undefined;
    const listing = withoutImages(await readListing(store, generation, record), wrong);
    const documents = await rewrittenDocuments(writer, upstream.documents, listing);
    const distrusted = [...known, ...added.map((fingerprint) => ({ fingerprint, reason }))];
    const changed = {
      ...stream,
      upstream: {
        ...upstream,
        record: { ...upstream.record, isVerbatim: false },
        state: { ...upstream.state, distrusted },
        documents,
        productsPaths: [...listing.keys()],
        listing,
      },
    };
    return {
      reason: {
        verb: "cache",
        text: `${name}: ${added.length} wrong ${added.length === 1 ? "image" : "images"} hidden`,
      },
      streams: streams.map((one) => (one === stream ? changed : one)),
    };
  });
}

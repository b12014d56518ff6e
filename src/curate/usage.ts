import { readStreams } from "../publish/read-streams.ts";
import { fingerprintsOf } from "../simplestreams/fingerprint.ts";
import { isFileItem, isImages, type ProductPlace } from "../simplestreams/listing.ts";
import { sizesOf } from "../store/blob-sizes.ts";
import type { Generation } from "../store/generation.ts";
import { numbersOf } from "../store/keeps.ts";
import { listsOf, namedBlobs } from "../store/named-blobs.ts";
import { pinnedGenerations, readPins } from "../store/pins.ts";
import type { Sha256, Store } from "../store/store.ts";
import { type ImageStream, listingOf } from "../views/image-stream.ts";

/** What usage can be told by. */
export const USAGE_KEYS = ["stream", "os", "release", "product", "variant", "arch"] as const;
export type UsageKey = (typeof USAGE_KEYS)[number];

export interface UsageRow {
  /** The image stream, the os, ... */
  readonly name: string;
  readonly versions: number;
  readonly images: number;
  /** Of all its files that are here, each once. */
  readonly bytes: number;
  /** Of those that no other row has. */
  readonly unique: number;
}

/** Where the bytes of a store are. `total` is the sum of all but the rows' `bytes`: every file counts once. */
export interface Usage {
  readonly rows: readonly UsageRow[];
  /** Files that several rows have. */
  readonly shared: number;
  /** The lists, and what generations say besides. */
  readonly lists: number;
  /** Files that are listed for others than the readers of simplestreams. */
  readonly otherFiles: number;
  /** What only older generations list that pins keep. */
  readonly pinnedGenerations: number;
  /** What only older generations list, until their grace is over. */
  readonly olderGenerations: number;
  /** Named by nothing that is kept: the next prune puts it aside. */
  readonly unnamed: number;
  /** Put aside: the next prune deletes it. */
  readonly trash: number;
  readonly total: number;
}

/** Bytes as they are on the disk: blobs, in use and put aside. */
export async function usage(store: Store, by: UsageKey): Promise<Usage> {
  const newest = await store.newest();
  const left = await sizesOf(store, await store.liveBlobs());
  const rows = rowsOf(await readStreams(store, newest), by, left);
  // Each step takes what it explains, so that nothing counts twice.
  const unique = rows.map((row) => take(left, row.unique));
  const shared = take(
    left,
    rows.flatMap((row) => [...row.all]),
  );
  const { pinned, older } = await olderGenerations(store, newest);
  const lists = take(left, newest === undefined ? [] : listsOf(newest));
  const found = {
    shared,
    lists,
    otherFiles: take(left, newest === undefined ? [] : await namedBlobs(store, [newest])),
    pinnedGenerations: take(left, await namedBlobs(store, pinned)),
    // What an older generation's cache names depends on those after it.
    olderGenerations: take(left, newest === undefined ? [] : await namedBlobs(store, [newest, ...older])),
    unnamed: take(left, left.keys()),
    trash: (await store.retiredBlobs()).reduce((sum, { size }) => sum + size, 0),
  };
  const total = [...unique, ...Object.values(found)].reduce((sum, bytes) => sum + bytes, 0);
  return {
    rows: rows.map(({ name, versions, images, bytes }, at) => ({
      name,
      versions,
      images,
      bytes,
      unique: unique[at] ?? 0,
    })),
    ...found,
    total,
  };
}

function take(left: Map<Sha256, number>, blobs: Iterable<Sha256>): number {
  let bytes = 0;
  for (const sha256 of blobs) {
    bytes += left.get(sha256) ?? 0;
    left.delete(sha256);
  }
  return bytes;
}

interface CountedRow extends Omit<UsageRow, "unique"> {
  readonly all: ReadonlySet<Sha256>;
  readonly unique: readonly Sha256[];
}

interface Counting {
  versions: number;
  readonly fingerprints: Set<string>;
  readonly all: Set<Sha256>;
}

function rowsOf(
  streams: readonly ImageStream[],
  by: UsageKey,
  sizes: ReadonlyMap<Sha256, number>,
): CountedRow[] {
  const rows = new Map<string, Counting>();
  for (const stream of streams) {
    for (const [path, file] of listingOf(stream)) {
      for (const [productName, product] of file.products) {
        const name = nameOf(stream.name, { path, file, productName, product }, by);
        const row = rows.get(name) ?? { versions: 0, fingerprints: new Set(), all: new Set() };
        rows.set(name, row);
        for (const version of product.versions.values()) {
          const here = [...version.items.values()].filter(
            (item) => isFileItem(item) && stream.upstream?.holds.has(item.sha256) !== false,
          );
          if (here.length === 0) continue;
          row.versions += 1;
          for (const { sha256 = "" } of here) row.all.add(sha256);
          if (isImages(file))
            for (const { fingerprint } of fingerprintsOf(version)) row.fingerprints.add(fingerprint);
        }
      }
    }
  }
  const uses = new Map<Sha256, number>();
  for (const { all } of rows.values())
    for (const sha256 of all) uses.set(sha256, (uses.get(sha256) ?? 0) + 1);
  return [...rows].map(([name, { versions, fingerprints, all }]) => ({
    name,
    versions,
    images: fingerprints.size,
    bytes: [...all].reduce((sum, sha256) => sum + (sizes.get(sha256) ?? 0), 0),
    all,
    unique: [...all].filter((sha256) => uses.get(sha256) === 1),
  }));
}

function nameOf(stream: string, { productName, product }: ProductPlace, by: UsageKey): string {
  if (by === "stream") return stream;
  if (by === "product") return productName;
  const { os = "", release = "", variant = "default", arch = "" } = product;
  return { os, release: `${os} ${release}`.trim(), variant, arch }[by];
}

/** Complete ones besides the newest, the newest of them first. */
async function olderGenerations(
  store: Store,
  newest: Generation | undefined,
): Promise<{ readonly pinned: readonly Generation[]; readonly older: readonly Generation[] }> {
  if (newest === undefined) return { pinned: [], older: [] };
  const isPinned = pinnedGenerations(await readPins(store, newest));
  const older: Generation[] = [];
  for (const number of [...numbersOf(newest.keeps)].reverse()) {
    const generation = await store.generation(number);
    if (generation !== undefined) older.push(generation);
  }
  return { older, pinned: older.filter(({ number }) => isPinned.has(number)) };
}

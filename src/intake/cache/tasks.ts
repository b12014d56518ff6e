import { readListing } from "../../publish/read-streams.ts";
import { roleOf } from "../../simplestreams/ftypes.ts";
import { newestVersion } from "../../simplestreams/version-name.ts";
import type { Store } from "../../store/store.ts";
import { isFileItem, isImages } from "../../simplestreams/listing.ts";
import type { Evictor } from "./evict.ts";
import type { Filler } from "./filler.ts";
import type { WantedItem } from "./protocol.ts";

/** The server's `BackgroundTask` without its times. */
export interface CacheTask {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

export interface FetchAhead {
  /** Resolves with whether there is more to fetch another time. */
  run(signal: AbortSignal): Promise<boolean>;
}

/** Now and then: brings caches within their limits, also when others filled the disk. */
export function evictionTask(evictor: Evictor): CacheTask {
  return { name: "evict", run: () => evictor.sweep() };
}

export interface FetchAheadOptions {
  readonly store: Store;
  readonly filler: Filler;
  /** Files in one run; 100 unless told. */
  readonly most?: number;
  /** Between two files; 200 ms unless told. */
  readonly everyMs?: number;
}

const LARGEST = 1024 * 1024;

/**
 * After a sync: fetches the metadata of each product's newest version, which every client asks for first; with it here a root's
 * fingerprint is checked while the root comes. One at a time, and no more of a stream after a failure.
 */
export function fetchAhead({ store, filler, most = 100, everyMs = 200 }: FetchAheadOptions): FetchAhead {
  return {
    run: async (signal) => {
      const failed = new Set<string>();
      const wanted = await newestMetadata(store);
      for (const item of wanted.slice(0, most)) {
        if (signal.aborted) return true;
        if (failed.has(item.stream)) continue;
        const isHere = await fetched(filler, item);
        if (!isHere) failed.add(item.stream);
        await new Promise((resolve) => setTimeout(resolve, everyMs));
      }
      // After a failure the next sync is soon enough.
      return wanted.some(({ stream }, at) => at >= most && !failed.has(stream));
    },
  };
}

/** Metadata that is not here, of the newest version of each product of a cache. */
export async function newestMetadata(store: Store): Promise<readonly WantedItem[]> {
  const newest = await store.newest();
  const wanted: WantedItem[] = [];
  for (const record of newest?.streams ?? []) {
    if (newest === undefined || record.origin !== "cache" || record.upstream?.offline === true) continue;
    for (const file of (await readListing(store, newest, record)).values()) {
      if (!isImages(file)) continue;
      for (const { versions } of file.products.values()) {
        const name = newestVersion(versions.keys()) ?? "";
        for (const item of versions.get(name)?.items.values() ?? []) {
          if (!isFileItem(item) || item.size > LARGEST || roleOf(item.ftype) !== "metadata") continue;
          const { path, sha256, size } = item;
          if ((await store.sizeOf(sha256)) !== size) wanted.push({ stream: record.name, path, sha256, size });
        }
      }
    }
  }
  return wanted;
}

function fetched(filler: Filler, item: WantedItem): Promise<boolean> {
  return new Promise((resolve) => {
    const end = filler.ask(item, (event) => {
      if (!("kept" in event) && !("failed" in event)) return;
      queueMicrotask(() => end());
      resolve("kept" in event);
    });
  });
}

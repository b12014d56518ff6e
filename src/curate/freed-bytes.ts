import { hashesIn } from "../publish/read-streams.ts";
import { isFileItem } from "../simplestreams/listing.ts";
import type { Version } from "../simplestreams/products.ts";
import type { Generation } from "../store/generation.ts";
import { namedBlobs } from "../store/named-blobs.ts";
import type { Sha256, Store } from "../store/store.ts";
import { type ImageStream, listingOf } from "../views/image-stream.ts";
import { withCurrentLxc } from "../views/lxc-files.ts";

export interface Freed {
  /** Of all its files. */
  readonly bytes: number;
  /** Of those that nothing else needs: not what stays listed, not a pinned generation. */
  readonly freed: number;
}

/** Each version with the room that it makes on the disk. A file that several of them have counts for the first. */
export async function freedBytes<
  Going extends { readonly version: Version; readonly lxc?: Version | undefined },
>(
  store: Store,
  goes: readonly Going[],
  { after, pinned }: { readonly after: readonly ImageStream[]; readonly pinned: readonly Generation[] },
): Promise<(Going & Freed)[]> {
  if (goes.length === 0) return [];
  const needed = new Set<Sha256>(await namedBlobs(store, pinned));
  for (const stream of after) {
    for (const sha256 of stream.upstream?.holds ?? hashesIn(listingOf(stream))) needed.add(sha256);
    const { lxc } = withCurrentLxc(stream);
    if (lxc !== undefined) for (const sha256 of hashesIn(new Map([["", lxc]]))) needed.add(sha256);
  }
  return goes.map((one) => {
    const items = [...one.version.items.values(), ...(one.lxc?.items.values() ?? [])];
    const files = new Map(items.filter(isFileItem).map((item) => [item.sha256, item]));
    let bytes = 0;
    let freed = 0;
    for (const { sha256, size } of files.values()) {
      bytes += size;
      if (needed.has(sha256)) continue;
      needed.add(sha256);
      freed += size;
    }
    return { ...one, bytes, freed };
  });
}

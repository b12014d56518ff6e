import { readListing } from "../../publish/read-streams.ts";
import { Pinned } from "../../retention/pinned.ts";
import type { Generation } from "../../store/generation.ts";
import { contains } from "../../store/keeps.ts";
import { namedBlobs } from "../../store/named-blobs.ts";
import { pinnedGenerations, readPins } from "../../store/pins.ts";
import type { Sha256, Store } from "../../store/store.ts";

/** What must not be evicted from caches: files of pinned versions, and what pinned generations hold. Nothing is read without pins. */
export async function pinnedBlobs(store: Store, newest: Generation): Promise<ReadonlySet<Sha256>> {
  const pins = await readPins(store, newest);
  const blobs = new Set<Sha256>();
  const pinned = new Pinned(pins);
  const caches = newest.streams.filter(({ origin }) => origin === "cache");
  if (!pinned.isEmpty) {
    for (const record of caches) {
      for (const { products } of (await readListing(store, newest, record)).values()) {
        for (const [product, { versions }] of products) {
          for (const [version, content] of versions) {
            if (pinned.of({ stream: record.name, product, version }, content) === undefined) continue;
            for (const { sha256 } of content.items.values()) if (sha256 !== undefined) blobs.add(sha256);
          }
        }
      }
    }
  }
  for (const number of pinnedGenerations(pins)) {
    const generation = contains(newest.keeps, number) ? await store.generation(number) : undefined;
    if (generation !== undefined)
      for (const sha256 of await namedBlobs(store, [generation])) blobs.add(sha256);
  }
  return blobs;
}

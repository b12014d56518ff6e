import type { Generation } from "./generation.ts";
import { Holdings } from "./holdings.ts";
import type { Sha256, Store } from "./store.ts";

export type NamedBlobs = ReadonlySet<Sha256>;

/**
 * Every blob that one of these generations names: documents, pins, states of image streams, and the items that are to be here. `generations` are
 * all that count, the newest first: what an older one's cache names depends on those after it (`Holdings`).
 */
export async function namedBlobs(store: Store, generations: Iterable<Generation>): Promise<NamedBlobs> {
  const named = new Set<Sha256>();
  const holdings = new Holdings(store);
  for (const generation of generations) {
    for (const sha256 of listsOf(generation)) named.add(sha256);
    for (const stream of generation.streams) {
      for (const sha256 of (await holdings.of(generation, stream))?.named ?? []) named.add(sha256);
    }
  }
  return named;
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

/** What a generation names without reading anything: its documents, its pins, and what its image streams have besides. */
export function listsOf(generation: Generation): Sha256[] {
  const states = [
    generation.pins?.sha256,
    ...generation.streams.flatMap(({ upstream, origins, dates }) => [
      upstream?.state?.sha256,
      origins?.sha256,
      dates?.sha256,
    ]),
  ];
  const documents = Object.values(generation.documents).map(({ sha256 }) => sha256);
  return [...documents, ...states.filter((sha256) => sha256 !== undefined)];
}

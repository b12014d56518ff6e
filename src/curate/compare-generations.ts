import { readStreams } from "../publish/read-streams.ts";
import { readOwnProducts } from "../simplestreams/own-documents.ts";
import { readDocument } from "../store/documents.ts";
import type { Generation } from "../store/generation.ts";
import { keptGeneration } from "../store/kept-generation.ts";
import type { Store } from "../store/store.ts";
import { type ComparedListing, type Differences, differences } from "../views/differences.ts";
import { MERGED_PRODUCTS } from "../views/documents.ts";

export interface ComparedGenerations {
  readonly from: Generation;
  readonly to: Generation;
  readonly differences: Differences;
}

/**
 * What differs between two kept generations, each named by its number or by a day; without `to`, from one to the newest.
 * @throws what `keptGeneration` throws
 */
export async function compareGenerations(
  store: Store,
  { from, to }: { readonly from: string; readonly to: string | undefined },
): Promise<ComparedGenerations> {
  const earlier = await keptGeneration(store, from);
  const later = await keptGeneration(store, to);
  const [before, after] = [await listingOf(store, earlier), await listingOf(store, later)];
  return { from: earlier, to: later, differences: differences(before, after) };
}

async function listingOf(store: Store, generation: Generation): Promise<ComparedListing> {
  const record = generation.documents[MERGED_PRODUCTS];
  const text = record && new TextDecoder().decode(await readDocument(store, record));
  return {
    streams: await readStreams(store, generation),
    merged: text === undefined ? undefined : readOwnProducts(text),
    hidden: generation.streams.flatMap(({ name, hidden }) => hidden.map((one) => ({ stream: name, ...one }))),
  };
}

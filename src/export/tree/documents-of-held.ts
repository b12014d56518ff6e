import type { Item, ProductsFile } from "../../simplestreams/products.ts";
import { readListing, readStreams } from "../../publish/read-streams.ts";
import type { Generation, StreamRecord } from "../../store/generation.ts";
import type { ServedItem } from "../../store/items.ts";
import type { Sha256, Store } from "../../store/store.ts";
import { renderDocuments } from "../../views/documents.ts";
import type { ImageStream } from "../../views/image-stream.ts";
import { withUsableDeltasIn } from "../../views/usable-deltas.ts";
import { narrow, rootOf } from "../narrow.ts";

export interface Rendered {
  /** By path, instead of those of the generation. */
  readonly documents: ReadonlyMap<string, Uint8Array>;
  /** Whether the generation's document of this path would name what is not here, or sign it. */
  readonly replaces: (path: string) => boolean;
}

/**
 * The documents of a generation whose items are not all here, without those items: nobody answers for a static tree who could fetch them.
 * Image streams that are whole keep their own roots as they are; the merged root is rendered for what is held. The same store gives the
 * same bytes.
 */
export async function documentsOfHeld(
  store: Store,
  generation: Generation,
  absent: readonly ServedItem[],
): Promise<Rendered> {
  if (absent.length === 0) return { documents: new Map(), replaces: () => false };
  const missing = new Map<string, Set<Sha256>>();
  for (const { stream, sha256 } of absent) {
    missing.set(stream, (missing.get(stream) ?? new Set()).add(sha256));
  }
  const replaces = (path: string): boolean => {
    const owner = generation.streams.find(({ name }) => path.startsWith(`${name}/`))?.name;
    return owner === undefined || missing.has(owner);
  };
  const documents = new Map<string, string>();
  const streams = await readStreams(store, generation);
  const held = streams.map((stream) => heldOf(stream, missing.get(stream.name)));
  for (const { path, text } of renderDocuments(held, new Date(generation.createdAt)).documents) {
    if (replaces(path)) documents.set(path, text);
  }
  for (const record of generation.streams) {
    const gone = missing.get(record.name);
    if (gone === undefined) continue;
    for (const [path, text] of await ownRoot(store, generation, { record, gone })) documents.set(path, text);
  }
  const encoder = new TextEncoder();
  return {
    documents: new Map([...documents].map(([path, text]) => [path, encoder.encode(text)])),
    replaces,
  };
}

/** As a cache that asks nobody any more. */
function heldOf(stream: ImageStream, gone: ReadonlySet<Sha256> | undefined): ImageStream {
  const { upstream } = stream;
  if (upstream === undefined || gone === undefined) return stream;
  const holds = new Set([...upstream.holds].filter((sha256) => !gone.has(sha256)));
  return { ...stream, upstream: { ...upstream, holds, record: { ...upstream.record, offline: true } } };
}

/** The root of one image stream; none when nothing of it is here. */
async function ownRoot(
  store: Store,
  generation: Generation,
  { record, gone }: { readonly record: StreamRecord; readonly gone: ReadonlySet<Sha256> },
): Promise<Map<string, string>> {
  const listing = new Map<string, ProductsFile>();
  for (const [path, file] of await readListing(store, generation, record)) {
    // A client that has chosen a delta does not go back to the whole file.
    const held = withUsableDeltasIn(narrow(file, ({ item }) => !isGone(item, gone)));
    if (held.products.size > 0) listing.set(path, held);
  }
  return rootOf(store, generation, { stream: record.name, listing });
}

function isGone({ path, sha256 }: Item, gone: ReadonlySet<Sha256>): boolean {
  return path !== undefined && gone.has(sha256 ?? "");
}

import { createHash } from "node:crypto";
import { posix } from "node:path";
import { gzipSync } from "node:zlib";
import type { Generation } from "../../store/generation.ts";
import { itemsOf, type ServedItem } from "../../store/items.ts";
import type { Sha256, Store } from "../../store/store.ts";
import type { Target } from "./target.ts";
import { documentsFor } from "./tree-documents.ts";
import type { TreeRecord } from "./tree-record.ts";
import { foldersOf, unplaceable } from "./unplaceable.ts";

/**
 * The order in which files get into a tree: what is named before what names it. `sums` is for people and named by nothing; `lists` are
 * products files and everything else that an index names.
 */
export type Stage = "item" | "sums" | "lists" | "index";

/** A file as the tree is to have it. */
export interface WantedFile {
  readonly sha256: Sha256;
  readonly size: number;
  readonly stage: Stage;
  /** Left out for an item: its bytes are a blob of the store. */
  readonly bytes?: Uint8Array;
}

/** What is listed and at an upstream, by image stream. */
export interface NotHeld {
  readonly stream: string;
  readonly files: number;
  readonly bytes: number;
}

export interface Wanted {
  readonly generation: Generation;
  /** Who signed lists that were made for the tree. */
  readonly signedBy: string | null;
  /** By path below the root of the tree. */
  readonly files: ReadonlyMap<string, WantedFile>;
  readonly notHeld: readonly NotHeld[];
  /** Listed files that no folder can hold beside the others, by their path below the server's root. */
  readonly unplaceable: readonly string[];
  /** Documents of the generation that would name what is not here, and cannot be made anew: signatures. */
  readonly omitted: readonly string[];
}

export interface WantedOptions {
  readonly stream: string | undefined;
  /** The tree as it is. */
  readonly target: Target;
  readonly record: TreeRecord | undefined;
}

/** Everything that a tree of one generation holds, or of one of its image streams. */
export async function wantedOf(
  store: Store,
  generation: Generation,
  { stream, target, record }: WantedOptions,
): Promise<Wanted> {
  const base = stream === undefined ? "" : `${stream}/`;
  const placeOf = (path: string): string | undefined =>
    path.startsWith(base) ? path.slice(base.length) : undefined;
  const { here, absent, odd } = await itemsFor(store, generation, placeOf);
  const tree = { target, record, placeOf };
  const { documents, omitted, signedBy } = await documentsFor(store, generation, {
    tree,
    leftOut: [...absent, ...odd],
  });
  const files = new Map([...here].map(([place, item]) => [place, itemFile(item)]));
  for (const [place, { bytes }] of documents) files.set(place, textFile(bytes, stageOf(place)));
  const folders = new Set([...files.keys()].flatMap(foldersOf));
  // What is listed has its path before all that is added here.
  const add = (place: string, file: () => WantedFile): void => {
    if (!files.has(place) && !folders.has(place)) files.set(place, file());
  };
  for (const [place, { bytes, zipped }] of documents) {
    if (COMPRESSIBLE.test(place))
      add(`${place}.gz`, () => textFile(zipped ?? gzipSync(bytes), stageOf(place)));
  }
  for (const [place, bytes] of sumsOf(files)) add(place, () => textFile(bytes, "sums"));
  return {
    generation,
    signedBy,
    files,
    omitted,
    notHeld: countByStream(absent),
    unplaceable: odd.map((item) => `${item.stream}/${item.path}`),
  };
}

interface TreeItems {
  readonly here: ReadonlyMap<string, ServedItem>;
  /** At an upstream. */
  readonly absent: readonly ServedItem[];
  /** Here, and not to be put into a folder. */
  readonly odd: readonly ServedItem[];
}

async function itemsFor(
  store: Store,
  generation: Generation,
  placeOf: (path: string) => string | undefined,
): Promise<TreeItems> {
  const items = new Map<string, ServedItem>();
  for (const [path, item] of await itemsOf(store, generation)) {
    const place = placeOf(path);
    if (place !== undefined) items.set(place, item);
  }
  const documents = Object.keys(generation.documents).flatMap((path) => placeOf(path) ?? []);
  const isOdd = unplaceable(new Set(items.keys()), new Set(documents));
  const isHere = await presence(store);
  const here = new Map<string, ServedItem>();
  const absent: ServedItem[] = [];
  const odd: ServedItem[] = [];
  for (const [place, item] of items) {
    if (isOdd.has(place)) odd.push(item);
    else if (await isHere(item)) here.set(place, item);
    else absent.push(item);
  }
  return { here, absent, odd };
}

/** Own image streams and mirrors hold what they list; of a cache, what was held when the list was read may have been let go since. */
async function presence(store: Store): Promise<(item: ServedItem) => Promise<boolean>> {
  const live = await store.liveBlobs();
  return async ({ sha256, isHeld, isCached }) =>
    isHeld && (!isCached || live.has(sha256) || (await store.sizeOf(sha256)) !== undefined);
}

/** What clients ask for first, which names everything else: the index of simplestreams or of LXC, signed, or a signature of it. */
const INDEX = /^(?:[^/]+\/)?(?:streams\/v1\/index\.s?json|meta\/1\.0\/index-[^/]+)(?:\.gpg|\.asc)?$/;

function stageOf(document: string): Stage {
  return INDEX.test(document) ? "index" : "lists";
}

/** What web servers may send compressed. */
const COMPRESSIBLE = /\.s?json$/;

function itemFile({ sha256, size }: ServedItem): WantedFile {
  return { sha256, size, stage: "item" };
}

function textFile(bytes: Uint8Array, stage: Stage): WantedFile {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { sha256, size: bytes.byteLength, stage, bytes };
}

/** A `SHA256SUMS` for each folder that holds items, as `sha256sum --check` reads it. */
function sumsOf(files: ReadonlyMap<string, WantedFile>): Map<string, Uint8Array> {
  const folders = new Map<string, string[]>();
  for (const [path, { sha256, stage }] of files) {
    if (stage !== "item") continue;
    const folder = posix.dirname(path);
    const lines = folders.get(folder) ?? [];
    folders.set(folder, lines);
    lines.push(`${sha256}  ${posix.basename(path)}\n`);
  }
  const encoder = new TextEncoder();
  return new Map(
    [...folders].map(([folder, lines]) => [
      posix.join(folder, "SHA256SUMS"),
      encoder.encode(lines.toSorted((one, other) => (one.slice(66) < other.slice(66) ? -1 : 1)).join("")),
    ]),
  );
}

function countByStream(items: readonly ServedItem[]): NotHeld[] {
  const counts = new Map<string, NotHeld>();
  for (const { stream, size } of items) {
    const { files, bytes } = counts.get(stream) ?? { files: 0, bytes: 0 };
    counts.set(stream, { stream, files: files + 1, bytes: bytes + size });
  }
  return [...counts.values()];
}

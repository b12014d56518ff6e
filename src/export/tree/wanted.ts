import { createHash } from "node:crypto";
import { posix } from "node:path";
import { gzipSync } from "node:zlib";
import { HeadwaterError } from "../../error.ts";
import { parseRelativePath } from "../../simplestreams/relative-path.ts";
import { signerOf } from "../../publish/signatures.ts";
import { readDocument, readDocumentBlob } from "../../store/documents.ts";
import type { Generation } from "../../store/generation.ts";
import { itemsOf, type ServedItem } from "../../store/items.ts";
import type { Sha256, Store } from "../../store/store.ts";
import { documentsOfHeld, type Rendered } from "./documents-of-held.ts";
import { listSignatures } from "./list-signatures.ts";
import { OWN_FOLDER, type Target } from "./target.ts";
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
  const below = (path: string): string[] => (path.startsWith(base) ? [path.slice(base.length)] : []);
  const items = new Map(
    [...(await itemsOf(store, generation))].flatMap(([path, item]) =>
      below(path).map((place) => [place, item] as const),
    ),
  );
  const odd = unplaceable(new Set(items.keys()), new Set(Object.keys(generation.documents).flatMap(below)));
  const isHere = await presence(store);
  const files = new Map<string, WantedFile>();
  const absent: ServedItem[] = [];
  for (const [place, item] of items) {
    if (odd.has(place)) continue;
    if (await isHere(item)) files.set(place, itemFile(item));
    else absent.push(item);
  }
  const oddItems = [...odd].flatMap((place) => items.get(place) ?? []);
  const rendered = await documentsOfHeld(store, generation, [...absent, ...oddItems]);
  // Where no list is made anew, no key is needed.
  const signer = rendered.documents.size === 0 ? undefined : signerOf(store, generation);
  const tree = { target, record, placeOf: (path: string) => below(path)[0] };
  const signatures =
    signer === undefined ? new Map() : await listSignatures(rendered.documents, signer, tree);
  const made = new Map([...rendered.documents, ...signatures]);
  const { documents, omitted } = await documentsOf(store, generation, { ...rendered, documents: made });
  const copies = new Map<string, WantedFile>();
  for (const [path, { bytes, zipped }] of documents) {
    for (const place of below(path)) {
      refuseUnsafe(place);
      const stage = INDEX.test(place) ? "index" : "lists";
      files.set(place, textFile(bytes, stage));
      if (COMPRESSIBLE.test(place)) copies.set(`${place}.gz`, textFile(zipped ?? gzipSync(bytes), stage));
    }
  }
  const folders = new Set([...files.keys()].flatMap(foldersOf));
  // What is listed has its path before all that is added here.
  const add = (path: string, file: WantedFile): void => {
    if (!files.has(path) && !folders.has(path)) files.set(path, file);
  };
  for (const [path, file] of copies) add(path, file);
  for (const [path, bytes] of sumsOf(files)) add(path, textFile(bytes, "sums"));
  return {
    generation,
    signedBy: signer?.fingerprint ?? null,
    files,
    notHeld: countByStream(absent),
    unplaceable: oddItems.map((item) => `${item.stream}/${item.path}`),
    omitted: omitted.filter((path) => path.startsWith(base)),
  };
}

/** Own image streams and mirrors hold what they list; of a cache, what was held when the list was read may have been let go since. */
async function presence(store: Store): Promise<(item: ServedItem) => Promise<boolean>> {
  const live = await store.liveBlobs();
  return async ({ sha256, isHeld, isCached }) =>
    isHeld && (!isCached || live.has(sha256) || (await store.sizeOf(sha256)) !== undefined);
}

interface Document {
  readonly bytes: Uint8Array;
  /** Where the store has it like that. */
  readonly zipped?: Uint8Array;
}

async function documentsOf(
  store: Store,
  generation: Generation,
  rendered: Rendered,
): Promise<{ readonly documents: ReadonlyMap<string, Document>; readonly omitted: readonly string[] }> {
  const documents = new Map<string, Document>();
  const omitted: string[] = [];
  for (const [path, record] of Object.entries(generation.documents)) {
    if (rendered.replaces(path)) {
      if (!rendered.documents.has(path)) omitted.push(path);
      continue;
    }
    const bytes = await readDocument(store, record);
    const zipped = record.encoding === "gzip" ? await readDocumentBlob(store, record) : undefined;
    documents.set(path, zipped === undefined ? { bytes } : { bytes, zipped });
  }
  for (const [path, bytes] of rendered.documents) documents.set(path, { bytes });
  return { documents, omitted };
}

/** What clients ask for first, which names everything else: the index of simplestreams or of LXC, signed, or a signature of it. */
const INDEX = /^(?:[^/]+\/)?(?:streams\/v1\/index\.s?json|meta\/1\.0\/index-[^/]+)(?:\.gpg|\.asc)?$/;

/** What web servers may send compressed. */
const COMPRESSIBLE = /\.s?json$/;

/** A list of an upstream that would lie among an export's notes; items there are left out, but a root without its lists is none. */
function refuseUnsafe(document: string): void {
  const [first] = parseRelativePath(document).split("/");
  if (first !== OWN_FOLDER) return;
  throw new HeadwaterError(
    "PATH_UNSAFE",
    `cannot export ${document}: that place is for what an export notes`,
    {
      hint: "Export without --stream: then it is below the image stream's name.",
      details: { path: document },
    },
  );
}

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

import { readListing, imagesOf } from "../../publish/read-streams.ts";
import type { BundleStream } from "../../bundle/bundle-list.ts";
import { fingerprintsOf } from "../../simplestreams/fingerprint.ts";
import { roleOf } from "../../simplestreams/ftypes.ts";
import type { ProductsFile } from "../../simplestreams/products.ts";
import type { ItemPlace } from "../../simplestreams/selection.ts";
import { readDocument } from "../../store/documents.ts";
import type { DocumentRecord, Generation, StreamRecord } from "../../store/generation.ts";
import type { Sha256, Store } from "../../store/store.ts";
import { renderDocuments } from "../../views/documents.ts";
import type { ImageStream } from "../../views/image-stream.ts";
import { isLxcDocument } from "../../views/lxc-files.ts";
import { withUsableDeltasIn } from "../../views/usable-deltas.ts";
import { narrow, rootOf } from "../narrow.ts";
import { type Choice, narrowingOf } from "./narrowing.ts";

export interface ChosenFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: Sha256;
}

/** What goes into a bundle of a generation. */
export interface Chosen {
  readonly streams: readonly BundleStream[];
  /** By path. */
  readonly documents: ReadonlyMap<string, Uint8Array>;
  /** By path, metadata before roots. */
  readonly files: ReadonlyMap<string, ChosenFile>;
  readonly fingerprints: ReadonlySet<string>;
  /** Files that were chosen and are at an upstream. */
  readonly notHeld: number;
}

/** One image stream as it goes into the bundle. */
interface Part {
  readonly record: StreamRecord;
  readonly listing: ReadonlyMap<string, ProductsFile>;
  /** Nothing was left out: its documents go as they are. */
  readonly isWhole: boolean;
}

/**
 * The chosen images with the documents that list them, as a tree of files of its own. Only what every client can read goes into it, and of an
 * image stream's record what its documents do not say: so there is nothing secret to leave out.
 */
export async function chooseImages(store: Store, generation: Generation, choice: Choice): Promise<Chosen> {
  const parts: Part[] = [];
  let notHeld = 0;
  for (const record of generation.streams) {
    if (choice.streams?.includes(record.name) === false) continue;
    const narrowing = await narrowingOf(store, record, choice);
    const part = await partOf(store, generation, { record, isWanted: narrowing.isWanted });
    notHeld += narrowing.notHeld.size;
    if (part.listing.size > 0) parts.push(part);
  }
  const documents = new Map<string, Uint8Array>();
  for (const [path, text] of mergedDocuments(parts, generation)) documents.set(path, encode(text));
  for (const part of parts) {
    for (const [path, bytes] of await ownDocuments(store, generation, part)) documents.set(path, bytes);
  }
  return {
    streams: parts.map((part) => streamOf(part, generation)),
    documents,
    files: filesOf(parts, documents),
    fingerprints: new Set(parts.flatMap(({ listing }) => fingerprintsIn(listing))),
    notHeld,
  };
}

async function partOf(
  store: Store,
  generation: Generation,
  { record, isWanted }: { readonly record: StreamRecord; readonly isWanted: (place: ItemPlace) => boolean },
): Promise<Part> {
  const listing = new Map<string, ProductsFile>();
  let isWhole = true;
  for (const [path, file] of await readListing(store, generation, record)) {
    const narrowed = narrow(file, isWanted);
    const isSame = itemsIn(narrowed) === itemsIn(file);
    isWhole &&= isSame;
    // A delta whose base stayed behind is of no use to anybody.
    if (narrowed.products.size > 0) listing.set(path, isSame ? file : withUsableDeltasIn(narrowed));
  }
  return { record, listing, isWhole };
}

function itemsIn({ products }: ProductsFile): number {
  let count = 0;
  for (const { versions } of products.values())
    for (const { items } of versions.values()) count += items.size;
  return count;
}

/** The root of all of it together, as a server renders it. */
function mergedDocuments(parts: readonly Part[], generation: Generation): [string, string][] {
  const streams = parts.map(imageStreamOf);
  const names = parts.map(({ record }) => `${record.name}/`);
  return renderDocuments(streams, new Date(generation.createdAt))
    .documents.filter(({ path }) => !names.some((name) => path.startsWith(name)))
    .map(({ path, text }) => [path, text]);
}

function imageStreamOf({ record, listing }: Part): ImageStream {
  const { name, origin, upstream } = record;
  const products = imagesOf(listing, name);
  if (upstream === undefined) return { name, origin, products };
  const { state: _state, ...known } = upstream;
  // What is at the upstream has been left out, and nobody would fetch it.
  const nothing = { state: {}, documents: new Map(), productsPaths: [], holds: new Set<Sha256>() };
  return { name, origin, products, upstream: { ...nothing, listing, record: { ...known, offline: false } } };
}

async function ownDocuments(
  store: Store,
  generation: Generation,
  { record, listing, isWhole }: Part,
): Promise<Map<string, Uint8Array>> {
  const documents = new Map<string, Uint8Array>();
  if (!isWhole) {
    const root = await rootOf(store, generation, { stream: record.name, listing });
    for (const [path, text] of root) documents.set(path, encode(text));
    return documents;
  }
  for (const [path, document] of documentsBelow(generation, record.name))
    documents.set(path, await readDocument(store, document));
  return documents;
}

function streamOf({ record, listing, isWhole }: Part, generation: Generation): BundleStream {
  const { name, upstream } = record;
  const isSigned = isWhole && hasSignatures(generation, name);
  const products = [...listing.keys()].map((path) => `${name}/${path}`);
  if (upstream === undefined) {
    const own = {
      isOwn: true,
      url: null,
      isPublic: false,
      isVerbatim: isSigned,
      aliasPrefix: "",
      twins: true,
    };
    return { name, ...own, products };
  }
  const { url, isPublic, isVerbatim, aliasPrefix, twins } = upstream;
  return {
    name,
    isOwn: false,
    // An address that only some can read may have a secret in it.
    url: isPublic && url !== "" ? url : null,
    isPublic,
    isVerbatim: isSigned || (isVerbatim && isWhole),
    aliasPrefix,
    twins,
    products,
  };
}

/** Whether this site signed the documents of an image stream. */
function hasSignatures(generation: Generation, stream: string): boolean {
  return documentsBelow(generation, stream).some(([, { signedBy }]) => signedBy !== undefined);
}

/** What is for LXC can be made on the other side, and does not travel. */
function documentsBelow({ documents }: Generation, stream: string): [string, DocumentRecord][] {
  const base = `${stream}/`;
  return Object.entries(documents).filter(
    ([path]) => path.startsWith(base) && !isLxcDocument(path.slice(base.length)),
  );
}

/** In the order of the lists; in a version metadata first, so that a root can be hashed together with it in one pass. */
function filesOf(parts: readonly Part[], documents: ReadonlyMap<string, unknown>): Map<string, ChosenFile> {
  const files = new Map<string, ChosenFile>();
  for (const { record, listing } of parts) {
    for (const { products } of listing.values()) {
      for (const { versions } of products.values()) {
        for (const { items } of versions.values()) {
          const sorted = [...items.values()].toSorted((one, other) => rank(one.ftype) - rank(other.ftype));
          for (const { path, size, sha256 } of sorted) {
            const place = `${record.name}/${path ?? ""}`;
            if (path === undefined || size === undefined || sha256 === undefined || documents.has(place))
              continue;
            if (!files.has(place)) files.set(place, { path: place, size, sha256 });
          }
        }
      }
    }
  }
  return files;
}

function rank(ftype: string | undefined): number {
  return roleOf(ftype) === "metadata" ? 0 : 1;
}

function fingerprintsIn(listing: ReadonlyMap<string, ProductsFile>): string[] {
  return [...imagesOf(listing, "").products.values()].flatMap(({ versions }) =>
    [...versions.values()].flatMap((version) =>
      fingerprintsOf(version).map(({ fingerprint }) => fingerprint),
    ),
  );
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

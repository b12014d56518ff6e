import { roleOf } from "../simplestreams/ftypes.ts";
import type { Product, Version } from "../simplestreams/products.ts";
import { isObject } from "../simplestreams/containers.ts";
import { readDocument } from "../store/documents.ts";
import type { DocumentRecord } from "../store/generation.ts";
import type { Sha256, Store, StoreWriter } from "../store/store.ts";
import { stageDocument } from "../publish/stage-document.ts";
import type { ImageRow } from "../views/image-rows.ts";
import type { ImageStream, UpstreamStream } from "../views/image-stream.ts";
import { without } from "./remove.ts";

export interface Mending {
  readonly store: Store;
  readonly writer: StoreWriter;
  readonly isDamaged: (sha256: Sha256) => boolean;
  /** Images of the image stream with something damaged. */
  readonly images: readonly ImageRow[];
  /** Those whose bytes are right and whose fingerprint is not theirs. */
  readonly wrong: ReadonlySet<string>;
}

/** An image stream that no longer says that damaged bytes are here. */
export async function mend(stream: ImageStream, mending: Mending): Promise<ImageStream> {
  const { upstream } = stream;
  if (upstream === undefined) return withoutDamagedDeltas(without(stream, mending.images), mending);
  return stream.origin === "cache"
    ? mendCache(stream, upstream, mending)
    : mendMirror(stream, upstream, mending);
}

/** What is damaged goes on being listed, and is fetched again when somebody asks for it. */
async function mendCache(
  stream: ImageStream,
  upstream: UpstreamStream,
  { store, isDamaged, images, wrong }: Mending,
): Promise<ImageStream> {
  const held: Sha256[] = [];
  for (const sha256 of upstream.holds) {
    // The lists may be an older generation's, and bytes evicted since.
    if (!isDamaged(sha256) && (await store.sizeOf(sha256)) !== undefined) held.push(sha256);
  }
  const reason = "its fingerprint is not that of its files";
  const found = images.filter(({ fingerprint }) => wrong.has(fingerprint));
  const distrusted = [
    ...(upstream.state.distrusted ?? []),
    ...found.map(({ fingerprint }) => ({ fingerprint, reason })),
  ];
  const state = { ...upstream.state, held, distrusted };
  return { ...stream, upstream: { ...upstream, state, holds: new Set(held) } };
}

/** Versions with something damaged leave its own products files as well, whose signatures then no longer fit. The next sync brings them back. */
async function mendMirror(
  stream: ImageStream,
  upstream: UpstreamStream,
  mending: Mending,
): Promise<ImageStream> {
  const { images, isDamaged, wrong } = mending;
  const unwanted = new Set<string>(wrong);
  for (const sha256 of upstream.holds) if (isDamaged(sha256)) unwanted.add(sha256);
  const here = images.filter((image) => image.stream === stream.name);
  if (here.length === 0 && ![...upstream.holds].some(isDamaged)) return stream;
  const documents = new Map<string, DocumentRecord>();
  const holds = new Set<Sha256>();
  for (const [path, record] of upstream.documents) {
    if (/\.(?:sjson|gpg)$/.test(path)) continue;
    const isProducts = upstream.productsPaths.includes(path);
    documents.set(path, isProducts ? await rewritten(record, { ...mending, unwanted, holds }) : record);
  }
  const record = { ...upstream.record, isVerbatim: false };
  const left = withoutDamagedDeltas(without(stream, here), mending);
  return { ...left, upstream: { ...upstream, record, documents, holds } };
}

/** An image is whole without its delta, and clients that were shown a damaged one would not go back to the whole file. */
function withoutDamagedDeltas(stream: ImageStream, { isDamaged }: Mending): ImageStream {
  const products = new Map<string, Product>();
  for (const [key, product] of stream.products.products) {
    const versions = new Map<string, Version>();
    for (const [name, version] of product.versions) {
      const items = [...version.items].filter(
        ([, { ftype, sha256 = "" }]) => roleOf(ftype) !== "delta" || !isDamaged(sha256),
      );
      versions.set(
        name,
        items.length === version.items.size ? version : { ...version, items: new Map(items) },
      );
    }
    products.set(key, { ...product, versions });
  }
  return { ...stream, products: { ...stream.products, products } };
}

interface Rewriting extends Mending {
  /** Hashes and fingerprints. */
  readonly unwanted: ReadonlySet<string>;
  /** Gets the hashes of what stays listed. */
  readonly holds: Set<Sha256>;
}

async function rewritten(record: DocumentRecord, rewriting: Rewriting): Promise<DocumentRecord> {
  const { store, writer } = rewriting;
  const document: unknown = JSON.parse(new TextDecoder().decode(await readDocument(store, record)));
  for (const product of membersOf(document, "products")) {
    const versions = isObject(product) ? product["versions"] : undefined;
    if (!isObject(versions)) continue;
    for (const [name, version] of Object.entries(versions)) {
      if (areImages(document)) leaveOutBesides(version, rewriting.unwanted);
      const items = membersOf(version, "items");
      const isEmpty = items.length === 0;
      if (isEmpty || items.some((item) => says(item, rewriting.unwanted))) delete versions[name];
    }
    for (const version of Object.values(versions)) {
      if (areImages(document)) leaveOutWithoutBase(version, versions);
      for (const item of membersOf(version, "items")) holdsOf(item, rewriting.holds);
    }
  }
  return stageDocument(writer, JSON.stringify(document), record.type);
}

function areImages(document: unknown): boolean {
  const datatype = isObject(document) ? document["datatype"] : undefined;
  return datatype === undefined || datatype === "image-downloads";
}

/** Images are whole without a delta, or a file for others; they stay listed, as they do in the merged root. */
function leaveOutBesides(version: unknown, unwanted: ReadonlySet<string>): void {
  const items = isObject(version) ? version["items"] : undefined;
  if (!isObject(items)) return;
  for (const [name, item] of Object.entries(items)) {
    const ftype = isObject(item) ? item["ftype"] : undefined;
    const role = roleOf(typeof ftype === "string" ? ftype : undefined);
    if ((role === "delta" || role === "other") && says(item, unwanted)) delete items[name];
  }
}

/** Deltas of a version that has just left. */
function leaveOutWithoutBase(version: unknown, versions: Readonly<Record<string, unknown>>): void {
  const items = isObject(version) ? version["items"] : undefined;
  if (!isObject(items)) return;
  for (const [name, item] of Object.entries(items)) {
    if (!isObject(item) || typeof item["ftype"] !== "string" || roleOf(item["ftype"]) !== "delta") continue;
    if (!Object.hasOwn(versions, String(item["delta_base"]))) delete items[name];
  }
}

function membersOf(value: unknown, name: string): unknown[] {
  const members = isObject(value) ? value[name] : undefined;
  return isObject(members) ? Object.values(members) : [];
}

function says(item: unknown, unwanted: ReadonlySet<string>): boolean {
  return (
    isObject(item) && Object.values(item).some((value) => typeof value === "string" && unwanted.has(value))
  );
}

function holdsOf(item: unknown, holds: Set<Sha256>): void {
  if (isObject(item) && typeof item["sha256"] === "string") holds.add(item["sha256"]);
}

import { HeadwaterError } from "../error.ts";
import { originsOf } from "../simplestreams/image-origin.ts";
import type { ProductsFile } from "../simplestreams/products.ts";
import type { DocumentRecord, Generation, StreamRecord } from "../store/generation.ts";
import type { Sha256, Store, StoreWriter } from "../store/store.ts";
import { encodeOrigins, encodeStreamState } from "../store/stream-state.ts";
import { productsPaths } from "../views/documents.ts";
import type { ImageStream } from "../views/image-stream.ts";
import { LXC_PRODUCTS } from "../views/lxc-files.ts";
import { datesFor } from "./dates-for.ts";

/** What one publication says about its image streams. */
export interface Recording {
  readonly store: Store;
  readonly writer: StoreWriter;
  readonly base: Generation | undefined;
  /** An upstream's own documents are put in place here. */
  readonly documents: Record<string, DocumentRecord>;
  /** By image stream: what the merged root leaves out. */
  readonly hidden: ReadonlyMap<string, StreamRecord["hidden"]>;
  /** Of this publication, and not before the base's: milliseconds since 1970. */
  readonly nowMs: number;
}

/** The records of the image streams, with what does not fit into a generation file staged as blobs. */
export function recordsOf(streams: readonly ImageStream[], recording: Recording): Promise<StreamRecord[]> {
  return Promise.all(
    streams.map(async (stream) => ({
      ...(await recordOf(stream, recording)),
      ...(await datesFor(stream, recording)),
    })),
  );
}

async function recordOf(
  stream: ImageStream,
  { writer, documents, hidden: allHidden }: Recording,
): Promise<StreamRecord> {
  const { name, origin, upstream } = stream;
  const hidden = allHidden.get(name) ?? [];
  const lxc = [`${name}/${LXC_PRODUCTS}`].filter((path) => path in documents);
  if (upstream === undefined) {
    const products = [...productsPaths(name), ...lxc].filter((path) => path in documents);
    const origins = await encodeOrigins(originsOf(stream.products));
    const taken = origins === undefined ? {} : { origins: await writer.put(origins) };
    return { name, origin, products, hidden, ...taken };
  }
  for (const [path, record] of upstream.documents) documents[`${name}/${path}`] = record;
  const state = await encodeStreamState(upstream.state);
  return {
    name,
    origin,
    products: [...upstream.productsPaths.map((path) => `${name}/${path}`), ...lxc],
    hidden,
    upstream: { ...upstream.record, ...(state === undefined ? {} : { state: await writer.put(state) }) },
  };
}

/** Every blob that must be here for the image streams. */
export function blobsOf(streams: readonly ImageStream[], records: readonly StreamRecord[]): Set<Sha256> {
  const blobs = new Set<Sha256>();
  for (const { upstream, origins, dates } of records) {
    for (const record of [upstream?.state, origins, dates])
      if (record !== undefined) blobs.add(record.sha256);
  }
  for (const { name, products, lxc, upstream } of streams) {
    if (upstream === undefined) addItems(blobs, name, products);
    else for (const sha256 of upstream.holds) blobs.add(sha256);
    if (lxc !== undefined) addItems(blobs, name, lxc);
  }
  return blobs;
}

function addItems(blobs: Set<Sha256>, stream: string, { products }: ProductsFile): void {
  for (const [key, product] of products) {
    for (const [name, version] of product.versions) {
      for (const item of version.items.values()) {
        if (item.sha256 === undefined) {
          throw new HeadwaterError("DOCUMENT_INVALID", `${stream}: an item of ${key} ${name} has no sha256`);
        }
        blobs.add(item.sha256);
      }
    }
  }
}

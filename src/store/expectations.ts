import { combinedFields, metadataFtypes, rootFtypes } from "../simplestreams/ftypes.ts";
import type { DocumentRecord, Generation, StreamRecord } from "./generation.ts";
import { Holdings } from "./holdings.ts";
import { type ListedItem, listedItems } from "./items.ts";
import type { Sha256, Store } from "./store.ts";

/** What the kept generations say about the bytes that should be there. */
export interface Expectations {
  readonly blobs: ReadonlyMap<Sha256, ExpectedBlob>;
  /** By root: images whose fingerprint covers it. */
  readonly fingerprints: ReadonlyMap<Sha256, readonly ExpectedFingerprint[]>;
  /** Products files that could not be read: what they list is not in `blobs`. */
  readonly unreadable: readonly { readonly record: DocumentRecord; readonly error: unknown }[];
}

export interface ExpectedBlob {
  readonly size: number;
  /** Where the newest generation that names it does so. */
  readonly listed: readonly Listing[];
}

export type Listing = DocumentListing | ItemListing;

export interface DocumentListing {
  readonly generation: number;
  readonly document: string;
}

export interface ItemListing {
  readonly generation: number;
  readonly stream: string;
  readonly product: string;
  readonly version: string;
  readonly item: string;
}

export interface ExpectedFingerprint {
  readonly metadata: Sha256;
  readonly root: Sha256;
  readonly fingerprint: string;
  readonly listed: ItemListing;
}

/** `generations`: newest first. Each products file is read once, for the newest generation that has it. */
export async function expectationsOf(store: Store, generations: Iterable<Generation>): Promise<Expectations> {
  const gathering = new Gathering(new Holdings(store));
  for (const generation of generations) {
    for (const [path, record] of Object.entries(generation.documents)) {
      gathering.expect(record, { generation: generation.number, document: path });
    }
    if (generation.pins !== undefined)
      gathering.expect(generation.pins, { generation: generation.number, document: "the pins" });
    for (const stream of generation.streams) {
      const held = await gathering.held(generation, stream);
      if (held === undefined) continue;
      for (const path of stream.products) {
        const record = generation.documents[path];
        if (record === undefined) continue;
        const where = { generation: generation.number, stream: stream.name, ...held };
        await gathering.products(store, record, where);
      }
    }
  }
  return gathering;
}

interface Where {
  readonly generation: number;
  readonly stream: string;
  /** Of a cache: what is to be here. */
  readonly held?: ReadonlySet<Sha256>;
  readonly distrusted?: ReadonlySet<string>;
}

class Gathering implements Expectations {
  readonly blobs = new Map<Sha256, { size: number; listed: Listing[] }>();
  readonly fingerprints = new Map<Sha256, ExpectedFingerprint[]>();
  readonly unreadable: { record: DocumentRecord; error: unknown }[] = [];
  readonly #holdings: Holdings;
  readonly #read = new Set<Sha256>();

  constructor(holdings: Holdings) {
    this.#holdings = holdings;
  }

  expect(blob: { readonly sha256: Sha256; readonly size: number }, listing: Listing): void {
    const known = this.blobs.get(blob.sha256);
    if (known === undefined) this.blobs.set(blob.sha256, { size: blob.size, listed: [listing] });
    else if (known.listed[0]?.generation === listing.generation) known.listed.push(listing);
  }

  /**
   * What an image stream holds of what it lists, undefined when nothing new is to be looked for. A state that cannot be read is told as
   * damage, and its items are not looked for.
   */
  async held(
    generation: Generation,
    stream: StreamRecord,
  ): Promise<Pick<Where, "held" | "distrusted"> | undefined> {
    for (const record of [stream.upstream?.state ?? stream.origins, stream.dates]) {
      if (record !== undefined)
        this.expect(record, { generation: generation.number, document: `the state of ${stream.name}` });
    }
    try {
      const holding = await this.#holdings.of(generation, stream);
      return holding && { held: holding.named, distrusted: holding.distrusted };
    } catch {
      // Of a damaged products file `products` tells; of the others everything is looked for that is here without a doubt.
      return stream.origin === "cache" ? { held: new Set() } : {};
    }
  }

  async products(store: Store, record: DocumentRecord, where: Where): Promise<void> {
    if (this.#read.has(record.sha256)) return;
    this.#read.add(record.sha256);
    const versions = new Map<string, ListedItem[]>();
    try {
      for (const listed of await listedItems(store, record)) {
        const { sha256, size } = listed.fields;
        if (typeof sha256 !== "string" || typeof size !== "number") continue;
        if (where.held?.has(sha256) === false) continue;
        this.expect({ sha256, size }, listingOf(listed, where));
        const version = JSON.stringify([listed.product, listed.version]);
        versions.set(version, [...(versions.get(version) ?? []), listed]);
      }
    } catch (error) {
      // Told as damage of this document; the others are looked at all the same.
      this.unreadable.push({ record, error });
    }
    for (const items of versions.values()) this.#version(items, where);
  }

  #version(items: readonly ListedItem[], where: Where): void {
    const metadata = items.filter(({ fields }) =>
      Object.values(metadataFtypes).some((ftype) => ftype === fields["ftype"]),
    );
    for (const { fields: root } of items) {
      const ftype = rootFtypes.find((name) => name === root["ftype"]);
      if (ftype === undefined) continue;
      for (const listed of metadata) {
        // Both clients fall back to the plain field for this one root (shared/simplestreams/products.go).
        const fallback = ftype === "root.tar.xz" ? listed.fields["combined_sha256"] : undefined;
        const fingerprint = listed.fields[combinedFields[ftype]] ?? fallback;
        if (where.held?.has(String(root["sha256"])) === false) continue;
        if (where.held?.has(String(listed.fields["sha256"])) === false) continue;
        if (typeof fingerprint === "string" && where.distrusted?.has(fingerprint) !== true)
          this.#pair(listed, root, { fingerprint, where });
      }
    }
  }

  #pair(
    metadata: ListedItem,
    root: ListedItem["fields"],
    { fingerprint, where }: { readonly fingerprint: string; readonly where: Where },
  ): void {
    const pair: ExpectedFingerprint = {
      metadata: String(metadata.fields["sha256"]),
      root: String(root["sha256"]),
      fingerprint,
      listed: listingOf(metadata, where),
    };
    const known = this.fingerprints.get(pair.root) ?? [];
    // Twins, and later generations, list the same pair again.
    if (known.some((other) => other.metadata === pair.metadata && other.fingerprint === fingerprint)) return;
    this.fingerprints.set(pair.root, [...known, pair]);
  }
}

function listingOf({ product, version, item }: ListedItem, { generation, stream }: Where): ItemListing {
  return { generation, stream, product, version, item };
}

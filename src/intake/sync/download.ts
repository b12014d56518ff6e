import { HeadwaterError } from "../../error.ts";
import { combinedHash } from "../../image/combined-hash.ts";
import { fingerprintsOf } from "../../simplestreams/fingerprint.ts";
import { roleOf } from "../../simplestreams/ftypes.ts";
import type { BlobReader, Sha256, Store, StoreWriter } from "../../store/store.ts";
import type { Transfers } from "../transfer/transfer.ts";
import { type FileItem, isFileItem, isImages, type Listing, placesIn } from "../../simplestreams/listing.ts";
import type { SyncEvent, SyncFailure } from "./sync-report.ts";

export interface DownloadParts {
  readonly store: Store;
  readonly writer: StoreWriter;
  readonly transfers: Transfers;
  readonly parallel: number;
  /** Fingerprints that were checked when they were first listed. */
  readonly known: ReadonlySet<string>;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: SyncEvent) => void) | undefined;
}

export interface Downloaded {
  /** Files that could not be had. */
  readonly missing: ReadonlySet<Sha256>;
  /** Images whose bytes are not what their fingerprint says. */
  readonly wrong: ReadonlySet<string>;
  readonly failures: readonly SyncFailure[];
  /** Bytes over the network. */
  readonly fetched: number;
}

/** A file that has to be here, with everything that is to be checked of it. */
interface Wanted {
  readonly item: FileItem;
  readonly product: string;
  readonly version: string;
  /** By the hash of the metadata that goes before it: the fingerprint that the pair must have. */
  readonly pairs: Map<Sha256, string>;
}

/**
 * Brings every file of the listing that is not here, a few at a time, metadata before roots: so a root is hashed together with its
 * metadata while it comes. What fails is told and left out; only a full disk and being stopped end it.
 */
export async function download(listing: Listing, parts: DownloadParts): Promise<Downloaded> {
  const wanted = wantedFiles(listing, parts.known);
  const missing: Wanted[] = [];
  for (const want of wanted.values()) if (!(await isHere(want.item, parts))) missing.push(want);
  const bytes = missing.reduce((sum, { item }) => sum + item.size, 0);
  parts.onEvent?.({ kind: "planned", files: missing.length, bytes });
  const job = new Downloading(parts);
  const isFirst = ({ item }: Wanted): boolean => roleOf(item.ftype) === "metadata";
  await job.all(missing.filter(isFirst));
  await job.all(missing.filter((want) => !isFirst(want)));
  const fresh = new Set(missing);
  await job.checkAll([...wanted.values()].filter((want) => want.pairs.size > 0 && !fresh.has(want)));
  return job;
}

function wantedFiles(listing: Listing, known: ReadonlySet<string>): Map<Sha256, Wanted> {
  const wanted = new Map<Sha256, Wanted>();
  for (const { item, productName, versionName } of placesIn(listing)) {
    if (!isFileItem(item) || wanted.has(item.sha256)) continue;
    wanted.set(item.sha256, { item, product: productName, version: versionName, pairs: new Map() });
  }
  for (const file of listing.values()) {
    if (!isImages(file)) continue;
    for (const { versions } of file.products.values()) {
      for (const { items } of versions.values()) {
        for (const { fingerprint, metadataKey, itemKey } of fingerprintsOf({ items })) {
          const metadata = metadataKey === undefined ? undefined : items.get(metadataKey)?.sha256;
          if (metadata === undefined || known.has(fingerprint)) continue;
          wanted.get(items.get(itemKey)?.sha256 ?? "")?.pairs.set(metadata, fingerprint);
        }
      }
    }
  }
  return wanted;
}

async function isHere({ sha256, size }: FileItem, { store, writer }: DownloadParts): Promise<boolean> {
  return writer.has(sha256) || (await store.sizeOf(sha256)) === size;
}

class Downloading implements Downloaded {
  readonly missing = new Set<Sha256>();
  readonly wrong = new Set<string>();
  readonly failures: SyncFailure[] = [];
  fetched = 0;
  readonly #parts: DownloadParts;

  constructor(parts: DownloadParts) {
    this.#parts = parts;
  }

  async all(files: readonly Wanted[]): Promise<void> {
    const queue = [...files].reverse();
    const hand = async (): Promise<void> => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
        try {
          await this.#one(next);
        } catch (error) {
          queue.length = 0;
          throw error;
        }
      }
    };
    const hands = await Promise.allSettled(Array.from({ length: this.#parts.parallel }, hand));
    for (const result of hands) if (result.status === "rejected") throw result.reason;
    await this.#parts.writer.look();
  }

  /** Files that were here already, in images that are new: read once. */
  async checkAll(files: readonly Wanted[]): Promise<void> {
    for (const { item, pairs, product, version } of files) {
      for (const [metadata, fingerprint] of pairs) {
        if (this.missing.has(metadata) || this.missing.has(item.sha256)) continue;
        const found = await this.#fingerprint(metadata, item.sha256);
        if (found !== undefined) this.#compare({ item, product, version, fingerprint, found });
      }
    }
  }

  async #one(want: Wanted): Promise<void> {
    const { transfers, signal, onEvent } = this.#parts;
    const { path, sha256, size } = want.item;
    signal?.throwIfAborted();
    onEvent?.({ kind: "begin", path, size });
    try {
      const metadata = [...want.pairs.keys()].filter((one) => !this.missing.has(one));
      const onProgress = (written: number): void => onEvent?.({ kind: "progress", path, written });
      const result = await transfers.transfer(
        { path, sha256, size, metadata, mayRestart: true },
        { onProgress },
        signal,
      );
      this.fetched += result.fetched;
      for (const [name, fingerprint] of want.pairs) {
        const found = result.fingerprints.get(name);
        if (found !== undefined) this.#compare({ ...want, fingerprint, found });
      }
      onEvent?.({ kind: "end", path });
    } catch (error) {
      if (signal?.aborted === true || !isOfThisFile(error)) throw error;
      this.missing.add(sha256);
      this.failures.push({ product: want.product, version: want.version, path, error });
      onEvent?.({ kind: "failed", path, error });
    }
  }

  #compare(
    checked: Pick<Wanted, "item" | "product" | "version"> & {
      readonly fingerprint: string;
      readonly found: string;
    },
  ): void {
    const { item, product, version, fingerprint, found } = checked;
    if (fingerprint === found) return;
    this.wrong.add(fingerprint);
    const error = new HeadwaterError(
      "UPSTREAM_WRONG",
      `${item.path}: expected the fingerprint ${fingerprint} with its metadata, got ${found}.`,
      {
        hint: "The files are whole; the upstream's list is wrong about this image, and clients would refuse it.",
      },
    );
    this.failures.push({ product, version, path: item.path, error });
  }

  async #fingerprint(metadata: Sha256, root: Sha256): Promise<string | undefined> {
    const [first, rest] = [await this.#open(metadata), await this.#open(root)];
    try {
      if (first === undefined || rest === undefined) return undefined;
      const bytes = Buffer.alloc(first.size);
      await first.read(bytes, 0);
      return await combinedHash(bytes, rest, this.#parts.signal);
    } finally {
      await first?.close();
      await rest?.close();
    }
  }

  async #open(sha256: Sha256): Promise<BlobReader | undefined> {
    const { store, writer } = this.#parts;
    return writer.has(sha256) ? writer.open(sha256) : store.open(sha256);
  }
}

/** What is wrong with one file leaves the others alone; a full disk does not. */
function isOfThisFile(error: unknown): boolean {
  return error instanceof HeadwaterError && error.code.startsWith("UPSTREAM_");
}

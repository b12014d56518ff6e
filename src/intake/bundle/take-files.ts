import type { BundleFile } from "../../bundle/bundle-list.ts";
import type { BundleContent, BundleReader } from "../../bundle/bundle-reader.ts";
import { HeadwaterError } from "../../error.ts";
import { METADATA_TARBALL_LIMIT } from "../../image/archive.ts";
import { combinedHash } from "../../image/combined-hash.ts";
import { type ByteSink, hashPieces } from "../../image/hash-once.ts";
import type { Sha256 } from "../../store/store.ts";
import type { Pair } from "../cache/pairs.ts";

/** A file that is being brought. */
export interface FileSink extends ByteSink {
  /** Its bytes are right. */
  commit(expected: { readonly sha256: Sha256; readonly size: number }): Promise<void>;
  cancel(): Promise<void>;
}

/** Where the files of a bundle go. */
export interface Destination {
  /** False: it has these bytes already. */
  wants(file: BundleFile): Promise<boolean>;
  create(file: BundleFile): Promise<FileSink>;
  /** A file that was brought, or was there before; undefined for another one. */
  open(sha256: Sha256): Promise<
    | {
        readonly size: number;
        read(buffer: Uint8Array, position: number): Promise<number>;
        close(): Promise<void>;
      }
    | undefined
  >;
}

export interface TakeOptions {
  /** The images whose fingerprints are to be checked. */
  readonly pairs: readonly Pair[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: { readonly bytes: number; readonly of: number }) => void) | undefined;
}

export interface Taken {
  /** Files whose bytes were brought. */
  readonly files: number;
  readonly bytes: number;
  /** Files that were there. */
  readonly present: number;
  /** Fingerprints that could not be checked, since a part of the image is not here. */
  readonly unchecked: number;
}

/**
 * Brings the files of a bundle to where they go, each held against its size and hash, and each image against its fingerprint, reading every byte
 * once. Throws BUNDLE_INVALID at the first one that is wrong.
 */
export async function takeFiles(
  reader: BundleReader,
  destination: Destination,
  options: TakeOptions,
): Promise<Taken> {
  const taking = new Taking(reader, destination, options);
  try {
    await reader.readFiles((file, content) => taking.one(file, content), options.signal);
  } finally {
    // Nobody may write there any more when the caller is told.
    await taking.settled();
  }
  await taking.checkOthers();
  return taking;
}

/** From here on syncing a file takes longer than asking for it. */
const LARGE = 16 * 1024 * 1024;

class Taking implements Taken {
  files = 0;
  bytes = 0;
  present = 0;
  unchecked = 0;
  readonly #reader: BundleReader;
  readonly #destination: Destination;
  readonly #options: TakeOptions;
  /** By root: what is still to be checked. */
  readonly #pairs = new Map<Sha256, Pair[]>();
  readonly #of: number;
  #passed = 0;
  #committing: Promise<void> = Promise.resolve();

  constructor(reader: BundleReader, destination: Destination, options: TakeOptions) {
    this.#reader = reader;
    this.#destination = destination;
    this.#options = options;
    for (const pair of options.pairs)
      this.#pairs.set(pair.root, [...(this.#pairs.get(pair.root) ?? []), pair]);
    const inside = reader.list.files.filter(({ base, link }) => base === undefined && link === undefined);
    this.#of = inside.reduce((sum, { size }) => sum + size, 0);
  }

  async one(file: BundleFile, content: BundleContent): Promise<void> {
    if (await this.#destination.wants(file)) await this.#take(file, content);
    else this.present += 1;
    this.#passed += file.size;
    this.#tell(0);
  }

  /** Resolves when everything that was taken is where it goes. */
  async settled(): Promise<void> {
    await this.#committing;
  }

  /** Images of which a part came in another order, or was here before. */
  async checkOthers(): Promise<void> {
    for (const pair of [...this.#pairs.values()].flat()) {
      this.#options.signal?.throwIfAborted();
      const [metadata, root] = [await this.#metadata(pair.metadata), await this.#destination.open(pair.root)];
      try {
        if (metadata === undefined || root === undefined) this.unchecked += 1;
        else assertPair(this.#reader, pair, await combinedHash(metadata, root, this.#options.signal));
      } finally {
        await root?.close();
      }
    }
  }

  async #take(file: BundleFile, content: BundleContent): Promise<void> {
    const { sha256, size } = file;
    const checkable = await this.#checkable(sha256);
    const sink = await this.#destination.create(file);
    try {
      const found = await hashPieces(content, sink, {
        signal: this.#options.signal,
        combinedWith: checkable.map(({ pair, bytes }) => ({ name: pair.fingerprint, bytes })),
        onProgress: ({ done }) => this.#tell(done),
      });
      if (found.sha256 !== sha256) throw this.#reader.wrongHash(file);
      for (const { pair } of checkable) assertPair(this.#reader, pair, found.combined.get(pair.fingerprint));
    } catch (error) {
      await sink.cancel();
      throw error;
    }
    await this.settled();
    this.#committing = sink.commit({ sha256, size });
    // Of a large file the disk takes its time, in which the next one can be read; its failure is met before that is committed.
    this.#committing.catch(() => undefined);
    if (size < LARGE) await this.settled();
    const done = new Set(checkable.map(({ pair }) => pair));
    this.#pairs.set(
      sha256,
      (this.#pairs.get(sha256) ?? []).filter((pair) => !done.has(pair)),
    );
    this.files += 1;
    this.bytes += size;
  }

  async #checkable(root: Sha256): Promise<{ readonly pair: Pair; readonly bytes: Uint8Array }[]> {
    const found = [];
    for (const pair of this.#pairs.get(root) ?? []) {
      const bytes = await this.#metadata(pair.metadata);
      if (bytes !== undefined) found.push({ pair, bytes });
    }
    return found;
  }

  async #metadata(sha256: Sha256): Promise<Uint8Array | undefined> {
    const reader = await this.#destination.open(sha256);
    if (reader === undefined) return undefined;
    try {
      if (reader.size > METADATA_TARBALL_LIMIT) throw tooLarge(this.#reader, sha256, reader.size);
      const bytes = Buffer.alloc(reader.size);
      for (let at = 0; at < bytes.byteLength; ) {
        const count = await reader.read(bytes.subarray(at), at);
        if (count === 0) return undefined;
        at += count;
      }
      return bytes;
    } finally {
      await reader.close();
    }
  }

  #tell(done: number): void {
    this.#options.onProgress?.({ bytes: this.#passed + done, of: this.#of });
  }
}

function assertPair(reader: BundleReader, { fingerprint }: Pair, found: string | undefined): void {
  if (fingerprint === found) return;
  throw new HeadwaterError(
    "BUNDLE_INVALID",
    `The image ${fingerprint.slice(0, 12)} in ${reader.name} is not what its fingerprint says.`,
    {
      hint: "Its files are whole; the list where the bundle was made is wrong about it: headwater verify there.",
      details: { expected: fingerprint, found: found ?? "" },
    },
  );
}

function tooLarge(reader: BundleReader, sha256: Sha256, size: number): HeadwaterError {
  return new HeadwaterError(
    "BUNDLE_INVALID",
    `The metadata ${sha256} in ${reader.name} has ${size} bytes, expected at most ${METADATA_TARBALL_LIMIT}.`,
  );
}

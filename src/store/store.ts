import type { Generation } from "./generation.ts";
import type { Sha256 } from "./sha256.ts";
import type { Signer } from "./signer.ts";

export type { Sha256 } from "./sha256.ts";

/**
 * Where blobs and generations are kept. The port speaks of create-if-absent, retire, restore and delete, never of
 * rename, so that an object store can be one. Implementations: `directory/`, `memory/`; all pass `test/contract/store.ts`.
 */
export interface Store {
  /** For messages: what a person would call this store, such as its folder. */
  readonly name: string;
  /** Signs every generation that is published here; undefined: they go unsigned. Chosen by whoever opens the store. */
  readonly signer?: Signer | undefined;
  /** Whoever opened the store wants no signatures, also where what is listed now has some. Without it and without a signer that is refused. */
  readonly mayGoUnsigned?: boolean;

  /** The newest generation, or undefined in an empty store. Throws STORE_NEWER when a newer Headwater wrote it. */
  newest(): Promise<Generation | undefined>;
  /** One generation by number, whether its blobs are still complete or not; undefined when there never was one. */
  generation(number: number): Promise<Generation | undefined>;
  /**
   * Makes a generation visible, durably, if no generation has that number yet. True when this call (or an earlier one
   * whose answer got lost: the `id` tells) created it; false when another writer was first.
   */
  createIfAbsent(generation: Generation, options?: CreateOptions): Promise<boolean>;

  /** Opens a blob for reading: among the live ones, then the retired ones, then the live ones again. Undefined when it is nowhere. */
  open(sha256: Sha256): Promise<BlobReader | undefined>;
  /** Size in bytes of a blob that `open` would find, without opening it. */
  sizeOf(sha256: Sha256): Promise<number | undefined>;

  /** The names of all live blobs, in one look. */
  liveBlobs(): Promise<ReadonlySet<Sha256>>;
  /** All blobs out of use, with the generation at which prune put them aside. */
  retiredBlobs(): Promise<RetiredBlob[]>;
  /**
   * Puts a live blob aside; it stays readable. No-op when it is not live. Called once at most for a blob and a generation,
   * by the prune that published that generation. One step, that other processes see whole or not
   * at all: with a moment in which the blob has both places, a prune that is suspended in that moment could later take the
   * last place of a blob that was taken back into use meanwhile.
   */
  retire(sha256: Sha256, atGeneration: number): Promise<void>;
  /** Takes a blob back into use, from wherever it was put aside. True when it is live afterwards. */
  restore(sha256: Sha256): Promise<boolean>;
  /** Deletes exactly this retired copy. No-op when it has been restored or deleted meanwhile. */
  deleteRetired(blob: RetiredBlob): Promise<void>;
  /**
   * Puts a blob whose bytes are wrong (the copy that `open` finds) where no reader finds it, for a person to look at.
   * Returns where, or undefined when there is none.
   */
  quarantine(sha256: Sha256): Promise<string | undefined>;

  /**
   * Something worth remembering that nothing depends on: ETags, last use, when to sync next. `name` is lower-case words, digits, `-` and `/`.
   * A note may be gone or old at any time; reading never throws, and writing only fails silently.
   */
  readNote(name: string): Promise<string | undefined>;
  writeNote(name: string, text: string): Promise<void>;

  /** A private area for one writer. `job` is a word for messages and leftovers, such as `add` or `sync-ubuntu`. */
  writer(job: string, options?: WriterOptions): Promise<StoreWriter>;
  /**
   * A second handle on the area of a writer that lives in this or another process of this machine, for a thread that downloads. Its
   * `close` closes the handle and removes nothing. Undefined when there is no such writer.
   */
  joinWriter(id: string): Promise<StoreWriter | undefined>;
  /**
   * Opens a file that a writer of this machine is still filling; its `size` is `size`, and reads reach as far as has been written.
   * `location` is what its sink says; the sink was told which hash to expect. Also right after it was staged. Undefined when it is gone.
   */
  openGrowing(location: string, size: number): Promise<BlobReader | undefined>;
  /** Removes what dead writers left and nobody touched for `olderThanMs`. Returns bytes and counts. */
  removeAbandoned(olderThanMs: number): Promise<{ writers: number; bytes: number }>;
  /** Takes a staged blob from every writer, dead or at work, which then cannot place it: for secrets that leaked. Returns how many had it. */
  forgetStaged(sha256: Sha256): Promise<number>;
}

export interface CreateOptions {
  /** May use the space held back for this: only for what frees more, so that prune works on a full disk. */
  readonly freesSpace?: boolean;
}

export interface WriterOptions {
  /**
   * Takes over what dead writers of the same job left: finished blobs count as staged here, unfinished ones can be read with
   * `partial`. Only for a job of which the caller makes sure that one is at work at a time; another one that is alive all
   * the same loses its files and fails with BLOB_MISSING, and nothing wrong comes of it.
   */
  readonly adopts?: boolean;
}

export interface RetiredBlob {
  readonly sha256: Sha256;
  readonly size: number;
  readonly atGeneration: number;
}

/** One open blob. Reads may overlap; `close` after the last one has settled. */
export interface BlobReader {
  readonly sha256: Sha256;
  /** Bytes. */
  readonly size: number;
  /** Fills `buffer` from `position`; resolves with the number of bytes read, 0 only at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /**
   * Of a file that may still be growing: resolves when a read at that position has something at once, so that nobody waits with a buffer in
   * hand; with true when the file is whole and need not be asked about any more.
   */
  ready?(position: number): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Staged blobs survive until `close`, also when they have been placed: a writer that loses the race for a generation,
 * or that was suspended while prune ran, places them again.
 */
export interface StoreWriter {
  /** Names this writer's area for `joinWriter`. */
  readonly id: string;
  /**
   * Starts a staged blob. Exactly one of `commit`, `cancel` or `leave` ends it. `expected`: what its bytes should turn out to be, so that
   * an unfinished file can be continued by a later writer of the same job.
   */
  create(expected?: Sha256): Promise<BlobSink>;
  /**
   * The longest unfinished file that earlier writers of this job left of this blob; its bytes have been checked by nobody. Continuing is
   * copying it into a new sink while hashing, and going on from there: whoever was taken for dead may wake up and write to the old file.
   */
  partial(sha256: Sha256): Promise<BlobReader | undefined>;
  /** Looks what other handles on the same area have staged: they count for `has`, `open` and `place` then. */
  look(): Promise<void>;
  /** Stages a small blob (a document) whole. */
  put(bytes: Uint8Array): Promise<{ sha256: Sha256; size: number }>;
  /** Opens a staged blob for reading it back. */
  open(sha256: Sha256): Promise<BlobReader>;
  /**
   * Makes staged blobs live, durably: bytes, name and folder are synced when this resolves. They take the place of what
   * already had the name, so that adding the right bytes again heals a damaged blob. Throws BLOB_MISSING for one that is
   * not staged (any more).
   */
  place(blobs: Iterable<Sha256>): Promise<void>;
  /** Whether this writer staged that blob. */
  has(sha256: Sha256): boolean;
  /** Forgets what is staged. Live blobs stay, and unfinished files that can be continued. */
  close(): Promise<void>;
}

export interface BlobSink {
  /** For `Store.openGrowing`, in any process of this machine. */
  readonly location: string;
  /** Writes at the current end; the buffer may be reused once this resolves. Throws STORE_FULL when the disk is full. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Syncs, checks the count, and stages the bytes under `sha256`, which the caller computed while writing (bytes are hashed
   * once). Throws BLOB_MISMATCH and stages nothing when `size` differs from what was written.
   */
  commit(expected: { readonly sha256: Sha256; readonly size: number }): Promise<void>;
  /** Nothing of it is wanted; what earlier tries left of the same blob goes too. */
  cancel(): Promise<void>;
  /** Ends it unfinished and leaves the file for `partial` of a later writer. Like `cancel` for one without an expected hash. */
  leave(): Promise<void>;
}

import { createHash } from "node:crypto";
import {
  type CombinedHashes,
  type CombinedWith,
  combinedHashesHere,
  combinedHashesInWorker,
} from "./combined-hash.ts";
import type { ReadOptions } from "./file-bytes.ts";
import { assertSame, type FileIdentity, type ImageFile, withImageFile } from "./image-file.ts";

/** Where bytes go; a staged blob of a store is one. */
export interface ByteSink {
  /** Appends; the buffer may be used again once this resolves. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface CopyOptions extends ReadOptions {
  /** The metadata tarballs for which a fingerprint is wanted. */
  readonly combinedWith?: readonly CombinedWith[];
  /** As `recognise` found the file: FILE_CHANGED when it is another one by now. */
  readonly identity?: FileIdentity;
}

export interface Copied {
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** By the names given: SHA-256 of the metadata tarball followed by this file. */
  readonly combined: ReadonlyMap<string, string>;
}

/**
 * Copies a file into `sink` and computes every sum that is needed, reading each byte once. Reading, hashing and writing overlap:
 * the file's own SHA-256 here, those with a metadata tarball in a worker, at most `SLOTS` buffers on their way. Throws FILE_CHANGED
 * when the file is not the same before and after; what the sink has got by then is worthless.
 */
export async function copyAndHash(path: string, sink: ByteSink, options: CopyOptions = {}): Promise<Copied> {
  return withImageFile(path, async (file) => {
    if (options.identity !== undefined) assertSame(path, options.identity, file.identity);
    const copied = await hashPieces(fileSource(file), sink, options);
    await file.assertUnchanged();
    return copied;
  });
}

/** Bytes that come one after the other. */
export interface PieceSource {
  /** Filling takes time of this thread, as a socket does: with one sum to compute, that is left to a worker. */
  readonly isBusy?: boolean;
  /** For progress. */
  readonly name: string;
  /** Bytes that are expected: a hint for the size of buffers, and the total of progress. */
  readonly size: number;
  /** Fills the buffer from where the last call ended; resolves with the number of bytes, less than its length only at the end. */
  fill(buffer: Uint8Array): Promise<number>;
}

/** The same for bytes that come from anywhere. */
export async function hashPieces(
  source: PieceSource,
  sink: ByteSink,
  options: Omit<CopyOptions, "identity"> = {},
): Promise<Copied> {
  const slots = new Slots(
    Math.max(1, Math.min(SLOTS, Math.ceil(source.size / SLOT))),
    Math.max(SMALLEST_SLOT, Math.min(SLOT, source.size)),
  );
  const { combinedWith = [] } = options;
  const isLarge = source.size > WORKER_FROM;
  const ownInWorker = isLarge && source.isBusy === true && combinedWith.length === 0;
  const inWorker = isLarge && (combinedWith.length > 0 || ownInWorker);
  const start = inWorker ? combinedHashesInWorker : combinedHashesHere;
  const combined = start(ownInWorker ? [OWN] : combinedWith, slots.buffers);
  try {
    const { sha256, size } = await pump(source, sink, { slots, combined, options, ownInWorker });
    const digests = await combined.digests();
    return { sha256: sha256 ?? digests.get(OWN.name) ?? "", size, combined: digests };
  } finally {
    await combined.close();
  }
}

function fileSource(file: ImageFile): PieceSource {
  let position = 0;
  return {
    name: file.path,
    size: file.size,
    fill: async (buffer) => {
      const bytes = buffer.subarray(0, Math.min(buffer.byteLength, file.size - position));
      if (bytes.byteLength > 0) await file.readInto(bytes, position);
      position += bytes.byteLength;
      return bytes.byteLength;
    },
  };
}

const SLOT = 512 * 1024;
const SLOTS = 8;
const SMALLEST_SLOT = 4096;
/** Starting a thread takes longer than hashing this many bytes. */
const WORKER_FROM = 16 * 1024 * 1024;

interface Pump {
  readonly slots: Slots;
  readonly combined: CombinedHashes;
  readonly options: ReadOptions;
  /** The SHA-256 of the bytes alone is computed there, too. */
  readonly ownInWorker: boolean;
}

/** The bytes alone, as one more sum for the worker. */
const OWN: CombinedWith = { name: "own", bytes: new Uint8Array(0) };

async function pump(
  source: PieceSource,
  sink: ByteSink,
  { slots, combined, options, ownInWorker }: Pump,
): Promise<{ readonly sha256: string | undefined; readonly size: number }> {
  const own = ownInWorker ? undefined : createHash("sha256");
  let written: Promise<void> = Promise.resolve();
  let size = 0;
  let reading = nextPiece(source, slots);
  try {
    for (;;) {
      options.signal?.throwIfAborted();
      const { slot, bytes } = await reading;
      if (bytes.length === 0) {
        slots.freeAfter(slot, []);
        break;
      }
      size += bytes.length;
      reading = nextPiece(source, slots);
      written = written.then(async () => sink.write(bytes));
      slots.freeAfter(slot, [combined.update(slot, bytes.length), written]);
      own?.update(bytes);
      options.onProgress?.({ path: source.name, done: size, total: Math.max(size, source.size) });
    }
    await slots.allFree();
    return { sha256: own?.digest("hex"), size };
  } finally {
    // Nobody may write to the sink any more when the caller is told.
    await Promise.allSettled([written]);
  }
}

interface Piece {
  readonly slot: number;
  readonly bytes: Uint8Array;
}

/** Waits for a free buffer and fills it. Its failure is met by the next turn of the loop, or not at all if that ends before. */
function nextPiece(source: PieceSource, slots: Slots): Promise<Piece> {
  const read = async (): Promise<Piece> => {
    const slot = await slots.take();
    const buffer = slots.bytes(slot);
    return { slot, bytes: buffer.subarray(0, await source.fill(buffer)) };
  };
  const piece = read();
  piece.catch(() => undefined);
  return piece;
}

/** The buffers, and who waits for one. */
class Slots {
  readonly buffers: readonly SharedArrayBuffer[];
  private readonly free: number[] = [];
  private waiting: (() => void)[] = [];
  private failure: { readonly cause: unknown } | undefined;

  /** @param size bytes of each; a tree of ten thousand small files must not take a MiB for every one */
  constructor(count: number, size: number) {
    this.buffers = Array.from({ length: count }, () => new SharedArrayBuffer(size));
    this.free = [...this.buffers.keys()];
  }

  bytes(slot: number): Uint8Array {
    return Buffer.from(this.buffers[slot] ?? new SharedArrayBuffer(0));
  }

  async take(): Promise<number> {
    for (;;) {
      if (this.failure !== undefined) throw this.failure.cause;
      const slot = this.free.shift();
      if (slot !== undefined) return slot;
      await this.change();
    }
  }

  /** Gives a buffer back when everybody is done with it; the first failure is thrown to whoever waits. */
  freeAfter(slot: number, users: readonly Promise<void>[]): void {
    Promise.all(users).then(
      () => this.changed(() => this.free.push(slot)),
      (cause: unknown) => this.changed(() => (this.failure ??= { cause })),
    );
  }

  async allFree(): Promise<void> {
    while (this.failure === undefined && this.free.length < this.buffers.length) await this.change();
    if (this.failure !== undefined) throw this.failure.cause;
  }

  private async change(): Promise<void> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private changed(what: () => void): void {
    what();
    for (const wake of this.waiting.splice(0)) wake();
  }
}

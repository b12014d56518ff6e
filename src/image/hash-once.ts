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
    const slots = new Slots(Math.min(SLOTS, Math.ceil(file.size / SLOT)), Math.min(SLOT, file.size));
    const { combinedWith = [] } = options;
    const inWorker = combinedWith.length > 0 && file.size > WORKER_FROM;
    const start = inWorker ? combinedHashesInWorker : combinedHashesHere;
    const combined = start(combinedWith, slots.buffers);
    try {
      const sha256 = await pump(file, sink, { slots, combined, options });
      await file.assertUnchanged();
      return { sha256, size: file.size, combined: await combined.digests() };
    } finally {
      await combined.close();
    }
  });
}

const SLOT = 512 * 1024;
const SLOTS = 8;
/** Starting a thread takes longer than hashing this many bytes. */
const WORKER_FROM = 16 * 1024 * 1024;

interface Pump {
  readonly slots: Slots;
  readonly combined: CombinedHashes;
  readonly options: CopyOptions;
}

async function pump(file: ImageFile, sink: ByteSink, { slots, combined, options }: Pump): Promise<string> {
  const own = createHash("sha256");
  let written: Promise<void> = Promise.resolve();
  let reading = readNext(file, slots, 0);
  try {
    for (let position = 0; position < file.size; ) {
      options.signal?.throwIfAborted();
      const { slot, bytes } = await reading;
      position += bytes.length;
      if (position < file.size) reading = readNext(file, slots, position);
      written = written.then(async () => sink.write(bytes));
      slots.freeAfter(slot, [combined.update(slot, bytes.length), written]);
      own.update(bytes);
      options.onProgress?.({ path: file.path, done: position, total: file.size });
    }
    await slots.allFree();
    return own.digest("hex");
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
function readNext(file: ImageFile, slots: Slots, position: number): Promise<Piece> {
  const read = async (): Promise<Piece> => {
    const slot = await slots.take();
    const bytes = slots.bytes(slot).subarray(0, Math.min(SLOT, file.size - position));
    await file.readInto(bytes, position);
    return { slot, bytes };
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

import { createHash, type Hash } from "node:crypto";
import { HeadwaterError } from "../../error.ts";
import type { BlobReader, BlobSink, Sha256 } from "../../store/store.ts";
import type { TransferEvents, TransferJob } from "./transfer.ts";

/** One buffer: what is hashed and written at once. Bytes arrive in pieces of 16 KiB at most, and each step per piece costs more than the bytes. */
const BUFFER = 1024 * 1024;
/** Buffers of one transfer: one being filled, the others on their way to the disk. */
const BUFFERS = 4;
/** What a slow upstream has sent is passed on this soon. */
const LINGER_MS = 50;

/** The bytes of one file as they come together: hashed once, for every sum that is wanted, and written in order. */
export class Assembly {
  readonly #job: TransferJob;
  readonly #sink: BlobSink;
  readonly #events: TransferEvents;
  readonly #own = createHash("sha256");
  readonly #combined: ReadonlyMap<Sha256, Hash>;
  readonly #free: Buffer[] = [];
  /** Buffers that are being written or wait for it. */
  #underWay = 0;
  #filling: Buffer | undefined;
  #filled = 0;
  #linger: NodeJS.Timeout | undefined;
  #written: Promise<void> = Promise.resolve();
  #writtenBytes = 0;
  #failure: { readonly cause: unknown } | undefined;
  #onFree: (() => void) | undefined;
  /** Bytes taken so far. */
  position = 0;

  /** @param metadata bytes that come before the file's own in a fingerprint */
  constructor(
    parts: { readonly job: TransferJob; readonly sink: BlobSink; readonly events: TransferEvents },
    metadata: ReadonlyMap<Sha256, Uint8Array>,
  ) {
    this.#job = parts.job;
    this.#sink = parts.sink;
    this.#events = parts.events;
    this.#combined = new Map(
      [...metadata].map(([name, bytes]) => [name, createHash("sha256").update(bytes)]),
    );
  }

  /** Takes a piece. False: wait for `room` before the next one. Throws UPSTREAM_WRONG for bytes beyond the end, and what writing throws. */
  take(piece: Uint8Array): boolean {
    if (this.#failure !== undefined) throw this.#failure.cause;
    if (this.position + piece.byteLength > this.#job.size) {
      throw new HeadwaterError(
        "UPSTREAM_WRONG",
        `${this.#job.path}: expected ${this.#job.size} bytes, and the upstream sends more.`,
      );
    }
    for (let at = 0; at < piece.byteLength; ) {
      this.#filling ??= this.#buffer();
      const part = piece.subarray(at, at + BUFFER - this.#filled);
      this.#filling.set(part, this.#filled);
      this.#filled += part.byteLength;
      at += part.byteLength;
      if (this.#filled === BUFFER) this.#flush();
      else this.#linger ??= setTimeout(() => this.#flush(), LINGER_MS);
    }
    this.position += piece.byteLength;
    return this.#hasRoom;
  }

  /** Resolves when the next piece can be taken; rejects when writing failed. */
  room(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#failure !== undefined) reject(this.#failure.cause);
        else if (this.#hasRoom) resolve();
        else this.#onFree = look;
      };
      look();
    });
  }

  /** Copies what an earlier try left. Its bytes count as any others: the sum at the end decides. */
  async continue(earlier: BlobReader): Promise<void> {
    const buffer = Buffer.allocUnsafe(BUFFER);
    const end = Math.min(earlier.size, this.#job.size);
    while (this.position < end) {
      const count = await earlier.read(buffer.subarray(0, end - this.position), this.position);
      if (count === 0) return;
      if (!this.take(buffer.subarray(0, count))) await this.room();
    }
  }

  /** Everything taken so far is on its way to the disk no more. */
  async settle(): Promise<void> {
    this.#flush();
    await this.#written;
    if (this.#failure !== undefined) throw this.#failure.cause;
  }

  /** The sums, once all bytes are there. */
  async sums(): Promise<{ readonly sha256: Sha256; readonly fingerprints: ReadonlyMap<Sha256, string> }> {
    await this.settle();
    const fingerprints = new Map([...this.#combined].map(([name, hash]) => [name, hash.digest("hex")]));
    return { sha256: this.#own.digest("hex"), fingerprints };
  }

  get #hasRoom(): boolean {
    return this.#underWay < BUFFERS;
  }

  #buffer(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(Math.min(BUFFER, Math.max(this.#job.size, 1)));
  }

  #flush(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    const buffer = this.#filling;
    if (buffer === undefined) return;
    const bytes = buffer.subarray(0, this.#filled);
    this.#filling = undefined;
    this.#filled = 0;
    this.#underWay += 1;
    this.#own.update(bytes);
    for (const hash of this.#combined.values()) hash.update(bytes);
    this.#written = this.#written.then(async () => this.#write(buffer, bytes));
  }

  async #write(buffer: Buffer, bytes: Uint8Array): Promise<void> {
    try {
      if (this.#failure === undefined) await this.#sink.write(bytes);
      this.#writtenBytes += bytes.byteLength;
      // Never the last byte before the sum is known: a wrong file must not be completed.
      this.#events.onProgress?.(Math.min(this.#writtenBytes, this.#job.size - 1));
    } catch (cause) {
      this.#failure = { cause };
    }
    this.#underWay -= 1;
    this.#free.push(buffer);
    const wake = this.#onFree;
    this.#onFree = undefined;
    wake?.();
  }
}

import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { HeadwaterError } from "../error.ts";
import type { BlobReader } from "../store/store.ts";
import type { BufferPool } from "./buffer-pool.ts";

export interface SendBlobOptions {
  readonly pool: BufferPool;
  /** First byte to send. */
  readonly start: number;
  /** Behind the last byte to send. */
  readonly end: number;
  /** Buffers of this connection: one being read into, the others on their way out. */
  readonly depth?: number;
  /** Called for every buffer that has left, with its bytes. */
  readonly onProgress?: (bytes: number) => void;
}

const DEPTH = 3;

/**
 * Read-ahead is for a pool with few buffers out. With a bound on the number of sends the pool is bounded too: a first buffer
 * for each, and this many more.
 */
const READ_AHEAD_LIMIT = 128;

/**
 * Sends a part of a blob as the body of an answer whose headers are set but not sent, then ends the answer. Resolves when
 * everything is back, reader closed and buffers in the pool: true when all bytes have left, false when the client went
 * away. Rejects when the blob cannot be read; the connection is cut then, so that nobody takes half a file for a
 * whole one.
 */
export async function sendBlob(
  response: ServerResponse,
  reader: BlobReader,
  options: SendBlobOptions,
): Promise<boolean> {
  const socket = response.socket;
  try {
    if (socket === null || socket.destroyed) return false;
    return await new Promise<boolean>((resolve, reject) => {
      new Pump({ response, socket, reader, options, resolve, reject }).start();
    });
  } finally {
    await reader.close();
  }
}

interface PumpParts {
  readonly response: ServerResponse;
  readonly socket: Socket;
  readonly reader: BlobReader;
  readonly options: SendBlobOptions;
  readonly resolve: (sent: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The hot loop. One read is in flight at a time, in order; meanwhile up to `depth - 1` earlier buffers are being written.
 * Data goes straight to the socket: the answer's own `write` adds a tick and a cork to every buffer.
 */
class Pump {
  readonly #parts: PumpParts;
  readonly #depth: number;
  #position: number;
  #isGrowing: boolean;
  /** Where a growing file is known to have something to read. */
  #readyAt = -1;
  #held = 0;
  #reading = false;
  #begun = false;
  #over = false;
  #failure: unknown;

  constructor(parts: PumpParts) {
    this.#parts = parts;
    this.#depth = parts.options.depth ?? DEPTH;
    this.#position = parts.options.start;
    this.#isGrowing = parts.reader.ready !== undefined;
  }

  start(): void {
    this.#parts.response.once("close", this.#onClose);
    this.#read();
    this.#settleIfIdle();
  }

  readonly #onClose = (): void => {
    this.#over = true;
    this.#settleIfIdle();
  };

  #read(): void {
    const { pool, end } = this.#parts.options;
    if (this.#over || this.#reading || this.#position >= end || this.#held >= this.#depth) return;
    if (this.#held > 0 && pool.taken >= READ_AHEAD_LIMIT) return;
    if (this.#isGrowing && this.#readyAt !== this.#position) {
      void this.#waitUntilReady(this.#position);
      return;
    }
    const buffer = pool.take();
    this.#held += 1;
    this.#reading = true;
    const wanted = end - this.#position;
    const view = wanted < buffer.byteLength ? buffer.subarray(0, wanted) : buffer;
    this.#parts.reader.read(view, this.#position).then(
      (count) => this.#onRead(buffer, count),
      (error: unknown) => this.#onReadError(buffer, error),
    );
  }

  async #waitUntilReady(position: number): Promise<void> {
    this.#reading = true;
    try {
      this.#isGrowing = (await this.#parts.reader.ready?.(position)) === false;
    } catch (error) {
      this.#onReadError(undefined, error);
      return;
    }
    this.#reading = false;
    this.#readyAt = position;
    this.#read();
    this.#settleIfIdle();
  }

  #onRead(buffer: Buffer, count: number): void {
    if (count === 0) {
      const { sha256, size } = this.#parts.reader;
      const message = `Blob ${sha256} ends at byte ${this.#position}, expected ${size} bytes`;
      this.#onReadError(buffer, new HeadwaterError("BLOB_MISMATCH", message));
      return;
    }
    this.#reading = false;
    if (this.#over) {
      this.#give(buffer);
      this.#settleIfIdle();
      return;
    }
    this.#position += count;
    this.#write(buffer, count);
    this.#read();
  }

  #onReadError(buffer: Buffer | undefined, error: unknown): void {
    this.#reading = false;
    if (buffer !== undefined) this.#give(buffer);
    if (!this.#over) {
      this.#failure = error;
      this.#over = true;
      this.#parts.socket.destroy();
    }
    this.#settleIfIdle();
  }

  #write(buffer: Buffer, count: number): void {
    const { socket, response } = this.#parts;
    const view = count === buffer.byteLength ? buffer : buffer.subarray(0, count);
    const written = (error?: Error | null): void => this.#onWritten(buffer, error ? 0 : count);
    if (this.#begun) {
      socket.write(view, written);
      return;
    }
    // Headers and the first bytes leave together.
    this.#begun = true;
    socket.cork();
    response.flushHeaders();
    socket.write(view, written);
    socket.uncork();
  }

  #onWritten(buffer: Buffer, count: number): void {
    this.#give(buffer);
    // A write that failed is followed by the end of the connection.
    if (count > 0) this.#parts.options.onProgress?.(count);
    this.#read();
    this.#settleIfIdle();
  }

  #give(buffer: Buffer): void {
    this.#held -= 1;
    this.#parts.options.pool.give(buffer);
  }

  #settleIfIdle(): void {
    if (this.#held > 0 || this.#reading) return;
    const { response, resolve, reject, options } = this.#parts;
    const isWhole = this.#position >= options.end;
    if (!this.#over && !isWhole) return;
    response.off("close", this.#onClose);
    if (this.#failure !== undefined) {
      reject(this.#failure);
      return;
    }
    if (!this.#over) response.end();
    resolve(isWhole && !this.#over);
  }
}

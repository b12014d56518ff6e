import type { ServerResponse } from "node:http";
import { finished } from "node:stream/promises";
import type { Readable } from "node:stream";
import type { BlobReader } from "../store/store.ts";
import { BufferPool } from "./buffer-pool.ts";
import type { Counters } from "./counters.ts";
import type { SendSlot, SendSlotsOptions } from "./send-slots.ts";
import { SEND_SLOTS, SendSlots } from "./send-slots.ts";
import { sendBlob } from "./send-blob.ts";
import { sendBytes } from "./send-bytes.ts";

/** Sends that get large buffers. Those who come on top, up to the limit of sends, get small ones. */
const LARGE_SENDS = 128;
const SMALL_BYTES = 64 * 1024;

/**
 * Everything that sends bodies in one process: the buffers, the bound on sends, the count of bytes. With 512 sends that all
 * stall, the buffers take 90 MiB at most, and TLS as much again at most for what it has encrypted.
 */
export class Sender {
  readonly slots: SendSlots;
  readonly #large = new BufferPool();
  readonly #small = new BufferPool({ bufferBytes: SMALL_BYTES });
  readonly #counters: Counters;

  constructor(counters: Counters, slots: SendSlotsOptions = SEND_SLOTS) {
    this.#counters = counters;
    this.slots = new SendSlots(slots);
  }

  /** Bytes of buffers that are in use. */
  get bufferBytes(): number {
    return [this.#large, this.#small].reduce((sum, pool) => sum + pool.taken * pool.bufferBytes, 0);
  }

  /**
   * A place among the sends, or undefined when there is none in time or the client went away. Released by itself when
   * the answer is over.
   */
  async place(response: ServerResponse): Promise<SendSlot | undefined> {
    const cut = (): void => {
      response.socket?.destroy();
    };
    const slot = this.slots.tryAcquire(cut) ?? (await this.#wait(response, cut));
    if (slot === undefined) return undefined;
    if (response.closed || response.destroyed) {
      slot.release();
      return undefined;
    }
    response.once("close", () => slot.release());
    return slot;
  }

  async #wait(response: ServerResponse, cut: () => void): Promise<SendSlot | undefined> {
    const gone = new AbortController();
    const onClose = (): void => gone.abort();
    response.once("close", onClose);
    try {
      return await this.slots.acquire(response.socket?.remoteAddress ?? "", cut, gone.signal);
    } finally {
      response.off("close", onClose);
    }
  }

  bytes(response: ServerResponse, slot: SendSlot, bytes: Uint8Array): void {
    sendBytes(response, bytes, (count) => {
      this.#counters.bytes += count;
      slot.progress();
    });
  }

  async stream(response: ServerResponse, slot: SendSlot, stream: Readable): Promise<void> {
    stream.on("data", (chunk: Buffer) => {
      this.#counters.bytes += chunk.byteLength;
      slot.progress();
    });
    response.once("close", () => stream.destroy());
    stream.pipe(response);
    await finished(stream);
  }

  blob(
    response: ServerResponse,
    slot: SendSlot,
    reader: BlobReader,
    part: { readonly start: number; readonly end: number },
  ): Promise<boolean> {
    return sendBlob(response, reader, {
      pool: this.slots.active > LARGE_SENDS ? this.#small : this.#large,
      ...part,
      onProgress: (count) => {
        this.#counters.bytes += count;
        slot.progress();
      },
    });
  }
}

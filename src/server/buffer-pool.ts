/**
 * Buffers for sending files, one pool for the whole process. 256 KiB keeps a buffer in the processor's second-level cache
 * while it is read, encrypted and written; larger ones cost memory and are no faster. New memory for every read, as
 * `createReadStream` takes it, costs page faults and a third of the speed.
 */
export class BufferPool {
  readonly bufferBytes: number;
  readonly #keep: number;
  readonly #free: Buffer[] = [];
  #taken = 0;

  /** `keep`: how many unused buffers stay for the next download. */
  constructor(options: { readonly bufferBytes?: number; readonly keep?: number } = {}) {
    this.bufferBytes = options.bufferBytes ?? 256 * 1024;
    this.#keep = options.keep ?? 64;
  }

  /** Buffers that are out. */
  get taken(): number {
    return this.#taken;
  }

  take(): Buffer {
    this.#taken += 1;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bufferBytes);
  }

  /** Last in, first out: the most recently used one is the one still in the cache. */
  give(buffer: Buffer): void {
    this.#taken -= 1;
    if (this.#free.length < this.#keep) this.#free.push(buffer);
  }
}

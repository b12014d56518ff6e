import { HeadwaterError } from "../../error.ts";
import type { BlobReader, Store } from "../../store/store.ts";
import type { Subscription } from "./subscription.ts";

/** What is worth a read, in bytes, and how long it is waited for once there is something. */
const ENOUGH = 256 * 1024;
const LINGER_MS = 20;
const COMPARE = 256 * 1024;

/**
 * Reads a file while it is fetched: never beyond what was announced, and the last bytes only after the whole was verified. When another
 * process has taken over the download, the new file must begin with what was read of the old one.
 */
export class GrowingReader implements BlobReader {
  readonly sha256: string;
  readonly size: number;
  readonly #store: Store;
  readonly #subscription: Subscription;
  #file: BlobReader;
  #version: number;
  #read = 0;

  constructor(store: Store, subscription: Subscription, file: BlobReader) {
    this.#store = store;
    this.#subscription = subscription;
    this.#file = file;
    this.#version = subscription.version;
    ({ sha256: this.sha256, size: this.size } = subscription.item);
  }

  /** Rejects when the download failed. */
  async ready(position: number): Promise<boolean> {
    const subscription = this.#subscription;
    await subscription.until(() => subscription.limit > position || position >= this.size);
    const enough = Math.min(position + ENOUGH, this.size);
    if (subscription.limit < enough) await subscription.until(() => subscription.limit >= enough, LINGER_MS);
    if (subscription.version !== this.#version) {
      // A download that was taken over begins to count anew.
      await subscription.until(() => subscription.limit > Math.max(position, this.#read - 1));
      await this.#follow();
    }
    return this.#isWhole;
  }

  /** Nothing more comes, and nothing can go wrong any more. */
  get #isWhole(): boolean {
    const { limit, version } = this.#subscription;
    return limit === this.size && version === this.#version;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (position >= this.size) return 0;
    if (!this.#isWhole) await this.ready(position);
    const count = Math.min(buffer.byteLength, this.#subscription.limit - position);
    const found = await this.#file.read(buffer.subarray(0, count), position);
    this.#read = Math.max(this.#read, position + found);
    return found;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #follow(): Promise<void> {
    const { version } = this.#subscription;
    const next = await this.#subscription.openFile(this.#store);
    if (next === undefined) throw changed(this.sha256);
    const previous = this.#file;
    this.#file = next;
    this.#version = version;
    try {
      if (!(await beginAlike(previous, next, this.#read))) throw changed(this.sha256);
    } finally {
      await previous.close();
    }
  }
}

async function beginAlike(one: BlobReader, other: BlobReader, end: number): Promise<boolean> {
  const [left, right] = [Buffer.alloc(COMPARE), Buffer.alloc(COMPARE)];
  for (let at = 0; at < end; ) {
    const wanted = Math.min(COMPARE, end - at);
    const count = await one.read(left.subarray(0, wanted), at);
    const same = await other.read(right.subarray(0, count), at);
    if (count === 0 || same !== count || !left.subarray(0, count).equals(right.subarray(0, count)))
      return false;
    at += count;
  }
  return true;
}

function changed(sha256: string): HeadwaterError {
  return new HeadwaterError(
    "UPSTREAM_WRONG",
    `Blob ${sha256}: the download was begun again with other bytes.`,
  );
}

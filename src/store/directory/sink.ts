import { HeadwaterError } from "../../error.ts";
import type { BlobSink, Sha256 } from "../store.ts";
import { deleteIfThere, type Ground } from "./ground.ts";
import { isSha256 } from "./layout.ts";

export interface PartialFile {
  readonly path: string;
  readonly fd: number;
  readonly location: string;
  /** A later writer may go on from here. */
  readonly canBeContinued: boolean;
  /** The file is whole, synced and closed: it gets its name. */
  stage(sha256: Sha256): Promise<void>;
  /** The file is closed and unfinished, for a later try. */
  leave(): Promise<void>;
  /** Nothing of it is wanted, also of what earlier tries left. */
  forget(): Promise<void>;
}

/** Larger writes cost Linux two to four times the processor time per byte: it looks for larger pages (measured on ext4). */
const PIECE = 256 * 1024;

export class DirectorySink implements BlobSink {
  readonly #ground: Ground;
  readonly #file: PartialFile;
  #size = 0;
  #open = true;

  constructor(ground: Ground, file: PartialFile) {
    this.#ground = ground;
    this.#file = file;
  }

  get location(): string {
    return this.#file.location;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#file.canBeContinued) await this.#writeInOrder(bytes);
    else await this.#writeAtOnce(bytes);
    this.#size += bytes.byteLength;
  }

  /** One sync at the end: syncing while it grows made writing a GiB take twice as long (ext4). */
  async commit(expected: { readonly sha256: Sha256; readonly size: number }): Promise<void> {
    try {
      if (expected.size !== this.#size || !isSha256(expected.sha256)) throw this.#mismatch(expected);
      await this.#ground.disk.sync(this.#file.fd);
      await this.#close();
      await this.#file.stage(expected.sha256);
    } catch (error) {
      await this.cancel();
      throw error;
    }
  }

  async cancel(): Promise<void> {
    await this.#close();
    await deleteIfThere(this.#ground.disk, this.#file.path);
    await this.#file.forget();
  }

  async leave(): Promise<void> {
    await this.#close();
    if (this.#file.canBeContinued && this.#size > 0) await this.#file.leave();
    else await deleteIfThere(this.#ground.disk, this.#file.path);
  }

  /** So that after a kill the file is a beginning of the blob, without holes. */
  async #writeInOrder(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; at += PIECE) {
      await this.#ground.disk.write(this.#file.fd, bytes.subarray(at, at + PIECE), this.#size + at);
    }
  }

  async #writeAtOnce(bytes: Uint8Array): Promise<void> {
    const pieces: Promise<void>[] = [];
    for (let at = 0; at < bytes.byteLength; at += PIECE) {
      pieces.push(this.#ground.disk.write(this.#file.fd, bytes.subarray(at, at + PIECE), this.#size + at));
    }
    // All of them, also when one fails: nobody may close the file or reuse the buffer before.
    for (const piece of await Promise.allSettled(pieces)) if (piece.status === "rejected") throw piece.reason;
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#ground.disk.close(this.#file.fd);
  }

  #mismatch(expected: { readonly sha256: Sha256; readonly size: number }): HeadwaterError {
    return new HeadwaterError(
      "BLOB_MISMATCH",
      `Blob ${expected.sha256} has the wrong size: expected ${expected.size} bytes, got ${this.#size}.`,
      { details: { sha256: expected.sha256, expected: expected.size, found: this.#size } },
    );
  }
}

import type { ImageFile } from "../image-file.ts";
import { damaged, wantsTooMuchMemory } from "./damage.ts";
import { ZSTD_WINDOW_LIMIT } from "./zstd.ts";

const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const LOOK_AHEAD = 4096;

/**
 * Walks all frames and block headers (RFC 8878, section 3.1) without decoding: finds a file that is cut off anywhere, and
 * windows that would take too much memory, by reading a few bytes per 128 KiB.
 */
export async function walkZstdFrames(file: ImageFile, signal?: AbortSignal): Promise<void> {
  const cursor = new Cursor(file);
  while (cursor.position < file.size) {
    signal?.throwIfAborted();
    const magic = await cursor.number(4);
    if (magic >>> 4 === SKIPPABLE >>> 4) {
      cursor.skip(await cursor.number(4));
    } else if (magic === FRAME) {
      await walkFrame(file, cursor);
    } else {
      throw damaged(file.path, "zstd", `no zstd frame starts at byte ${cursor.position - 4}`);
    }
    cursor.assertInside();
  }
}

async function walkFrame(file: ImageFile, cursor: Cursor): Promise<void> {
  const descriptor = await cursor.number(1);
  const singleSegment = (descriptor & 0x20) !== 0;
  const window = singleSegment ? 0 : windowOf(await cursor.number(1));
  cursor.skip([0, 1, 2, 4][descriptor & 3] ?? 0);
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
  const contentSize = sizeBytes === 0 ? 0 : await cursor.number(sizeBytes);
  const wanted = singleSegment ? contentSize : window;
  if (wanted > ZSTD_WINDOW_LIMIT) throw wantsTooMuchMemory(file.path, "zstd", wanted, ZSTD_WINDOW_LIMIT);

  for (let last = false; !last; ) {
    const header = await cursor.number(3);
    last = (header & 1) !== 0;
    const type = (header >>> 1) & 3;
    if (type === 3)
      throw damaged(file.path, "zstd", `a block of no known kind before byte ${cursor.position}`);
    // A run-length block holds one byte, whatever its size says.
    cursor.skip(type === 1 ? 1 : header >>> 3);
  }
  if ((descriptor & 4) !== 0) cursor.skip(4);
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** A place in the file, with a small piece of it in memory. */
class Cursor {
  position = 0;
  private readonly file: ImageFile;
  private piece: Uint8Array = new Uint8Array(0);
  private pieceStart = 0;

  constructor(file: ImageFile) {
    this.file = file;
  }

  skip(bytes: number): void {
    this.position += bytes;
  }

  assertInside(): void {
    if (this.position > this.file.size) throw this.cutOff();
  }

  /** An unsigned little-endian number of 1 to 8 bytes. */
  async number(bytes: number): Promise<number> {
    if (this.position + bytes > this.file.size) throw this.cutOff();
    let offset = this.position - this.pieceStart;
    if (offset < 0 || offset + bytes > this.piece.length) {
      const length = Math.min(LOOK_AHEAD, this.file.size - this.position);
      this.piece = await this.file.readExactly(this.position, length);
      this.pieceStart = this.position;
      offset = 0;
    }
    let value = 0;
    for (let index = bytes - 1; index >= 0; index--) value = value * 256 + (this.piece[offset + index] ?? 0);
    this.position += bytes;
    return value;
  }

  private cutOff(): Error {
    return damaged(this.file.path, "zstd", `expected at least ${this.position} bytes, got ${this.file.size}`);
  }
}

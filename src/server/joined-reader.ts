import type { BlobReader } from "../store/store.ts";

/** Bytes in memory, or a blob, as a part of something longer. */
export type Part = Uint8Array | BlobReader;

/** Several parts, one behind the other, read as if they were one blob. Closing it closes them all. */
export class JoinedReader implements BlobReader {
  /** Names the whole in messages. */
  readonly sha256: string;
  readonly size: number;
  /** There only when a part may still be growing; never says "whole", since a later part may be growing too. */
  readonly ready?: (position: number) => Promise<boolean>;
  readonly #parts: readonly PlacedPart[];

  constructor(name: string, parts: readonly Part[]) {
    this.sha256 = name;
    let end = 0;
    this.#parts = parts.map((part) => {
      const start = end;
      end += part instanceof Uint8Array ? part.byteLength : part.size;
      return { part, start, end };
    });
    this.size = end;
    if (parts.some((part) => !(part instanceof Uint8Array) && part.ready !== undefined)) {
      this.ready = (position) => this.#ready(position);
    }
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const placed = this.#at(position);
    if (placed === undefined) return 0;
    const { part, start, end } = placed;
    const view = buffer.subarray(0, Math.min(buffer.byteLength, end - position));
    if (!(part instanceof Uint8Array)) return part.read(view, position - start);
    view.set(part.subarray(position - start, position - start + view.byteLength));
    return view.byteLength;
  }

  async #ready(position: number): Promise<boolean> {
    const placed = this.#at(position);
    if (placed !== undefined && !(placed.part instanceof Uint8Array)) {
      await placed.part.ready?.(position - placed.start);
    }
    return false;
  }

  async close(): Promise<void> {
    const blobs = this.#parts.flatMap(({ part }) => (part instanceof Uint8Array ? [] : [part]));
    await Promise.all(blobs.map((blob) => blob.close()));
  }

  #at(position: number): PlacedPart | undefined {
    return this.#parts.find(({ start, end }) => position >= start && position < end);
  }
}

interface PlacedPart {
  readonly part: Part;
  readonly start: number;
  readonly end: number;
}

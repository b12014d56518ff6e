import type { ImageFile } from "./image-file.ts";

/** Bytes that can be read anywhere; a blob is one. */
export interface Readable {
  /** Bytes. */
  readonly size: number;
  /** Fills `buffer` from `position`; resolves with the number of bytes read, 0 only at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
}

/**
 * Bytes that nobody writes to, as a file that can be looked into. Whoever opened the reader closes it.
 * @param endsEarly the error for less than `size` bytes
 */
export function fileOfReader(name: string, reader: Readable, endsEarly: () => Error): ImageFile {
  const readInto = async (buffer: Uint8Array, position: number): Promise<void> => {
    for (let done = 0; done < buffer.length; ) {
      const count = await reader.read(buffer.subarray(done), position + done);
      if (count === 0) throw endsEarly();
      done += count;
    }
  };
  return {
    path: name,
    size: reader.size,
    identity: { device: 0n, inode: 0n, size: BigInt(reader.size), modifiedNs: 0n, changedNs: 0n },
    readInto,
    readExactly: async (position, length) => {
      const buffer = Buffer.allocUnsafe(length);
      await readInto(buffer, position);
      return buffer;
    },
    assertUnchanged: async () => undefined,
    close: async () => undefined,
  };
}

import type { ImageFile } from "../../image/image-file.ts";
import { wrong } from "./failures.ts";
import type { BlobReader } from "../../store/store.ts";

/** A staged blob as a file that can be looked into. Nobody writes to it, so it never changes; whoever opened it closes it. */
export function stagedFile(name: string, reader: BlobReader): ImageFile {
  const readInto = async (buffer: Uint8Array, position: number): Promise<void> => {
    for (let done = 0; done < buffer.length; ) {
      const count = await reader.read(buffer.subarray(done), position + done);
      if (count === 0) throw wrong(name, "its staged bytes end too early");
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

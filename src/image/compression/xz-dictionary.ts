/** What `.xz` and `.lzma` files have inside. */
export type XzFormat = "xz" | "lzma";

/**
 * The dictionary a decoder has to hold in memory, in bytes, from the first bytes of the file; undefined when they do not say.
 * The layout is that of the .xz and .lzma file format documents of XZ Utils.
 */
export function dictionarySize(head: Uint8Array, format: XzFormat): number | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (format === "lzma") return head.length < 13 ? undefined : view.getUint32(1, true);
  return head.length < STREAM_HEADER + 2 ? undefined : ofFirstBlock(head.subarray(STREAM_HEADER));
}

const STREAM_HEADER = 12;
const LZMA2 = 0x21;

/** Reads the filter list of a block header. The last filter is always LZMA2, with one byte of properties: its dictionary. */
function ofFirstBlock(block: Uint8Array): number | undefined {
  const [headerSize = 0, flags = 0] = block;
  // A header size of 0 starts the index: a stream without blocks.
  if (headerSize === 0) return undefined;
  let at = 2;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = block[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  if ((flags & 0x40) !== 0) number();
  if ((flags & 0x80) !== 0) number();
  for (let filter = (flags & 3) + 1; filter > 0; filter--) {
    const id = number();
    const propertyBytes = number();
    if (id === LZMA2) return ofLzma2(block[at] ?? 0);
    at += propertyBytes;
  }
  return undefined;
}

/** 0 is 4 KiB, 1 is 6 KiB, 2 is 8 KiB, and so on; 40 is 4 GiB less one byte. */
function ofLzma2(bits: number): number | undefined {
  if (bits > 40) return undefined;
  if (bits === 40) return 2 ** 32 - 1;
  return (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11);
}

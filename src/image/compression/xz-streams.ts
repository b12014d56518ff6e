import { crc32 } from "node:zlib";
import type { ImageFile } from "../image-file.ts";
import { damaged } from "./damage.ts";

const HEADER = 12;
const FOOTER = 12;
/** An index has a few bytes per block; 16 MiB of it describe more blocks than any image has. */
const INDEX_LIMIT = 16 * 1024 * 1024;

/**
 * Walks the streams of an .xz file from its end, without decoding: footer, index, header, and the padding between streams. A
 * file that was cut off anywhere has no footer at its end or an index that does not fit. Gives the unpacked size in bytes.
 */
export async function walkXzStreams(file: ImageFile, signal?: AbortSignal): Promise<number> {
  let end = file.size;
  let unpacked = 0;
  while (end > 0) {
    signal?.throwIfAborted();
    end = await withoutPadding(file, end);
    const stream = await walkStream(file, end);
    unpacked += stream.unpacked;
    end = stream.start;
  }
  return unpacked;
}

/** Streams may be followed by zero bytes, four at a time. */
async function withoutPadding(file: ImageFile, end: number): Promise<number> {
  let at = end;
  while (at >= 4) {
    const length = Math.min(at, 4096);
    const tail = await file.readExactly(at - length, length);
    let keep = length;
    while (keep >= 4 && tail.readUInt32LE(keep - 4) === 0) keep -= 4;
    at -= length - keep;
    if (keep >= 4) break;
  }
  if (at < HEADER + FOOTER) throw damaged(file.path, "xz", "there is no room for an xz stream in it");
  return at;
}

async function walkStream(file: ImageFile, end: number): Promise<{ start: number; unpacked: number }> {
  const footer = await file.readExactly(end - FOOTER, FOOTER);
  const whole =
    footer.readUInt16LE(10) === 0x5a59 && footer.readUInt32LE(0) === crc32(footer.subarray(4, 10));
  if (!whole) throw damaged(file.path, "xz", "the end of the xz stream is missing");

  const indexSize = (footer.readUInt32LE(4) + 1) * 4;
  const indexStart = end - FOOTER - indexSize;
  if (indexStart < HEADER || indexSize > INDEX_LIMIT) {
    throw damaged(file.path, "xz", `an index of ${indexSize} bytes does not fit`);
  }
  const index = await file.readExactly(indexStart, indexSize);
  if (index[0] !== 0 || index.readUInt32LE(indexSize - 4) !== crc32(index.subarray(0, indexSize - 4))) {
    throw damaged(file.path, "xz", "the index of the xz stream fails its check");
  }
  const { packed, unpacked } = sumOf(index.subarray(1, indexSize - 4));
  const start = indexStart - packed - HEADER;
  if (start < 0) throw damaged(file.path, "xz", `its blocks take ${packed} bytes, more than the file has`);

  const header = await file.readExactly(start, HEADER);
  const matches = header.readUInt16BE(6) === footer.readUInt16BE(8) && header.readUInt32BE(0) === 0xfd377a58;
  if (!matches) throw damaged(file.path, "xz", `no xz stream starts at byte ${start}`);
  return { start, unpacked };
}

/** Adds up the records of an index: how many, then for each the packed size (to be rounded up to 4) and the unpacked one. */
function sumOf(index: Uint8Array): { packed: number; unpacked: number } {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = index[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  let packed = 0;
  let unpacked = 0;
  for (let blocks = number(); blocks > 0 && at < index.length; blocks--) {
    packed += Math.ceil(number() / 4) * 4;
    unpacked += number();
  }
  return { packed, unpacked };
}

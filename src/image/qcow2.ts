import { HeadwaterError } from "../error.ts";
import { damaged } from "./compression/damage.ts";
import type { ImageFile } from "./image-file.ts";

/** What the header of a qcow2 says (QEMU, docs/interop/qcow2.rst). Sizes and offsets in bytes. */
export interface Qcow2Header {
  readonly virtualSize: number;
  readonly clusterSize: number;
  readonly l1Entries: number;
  readonly l1Offset: number;
  /** Bytes of one entry of an L2 table. */
  readonly l2EntrySize: number;
}

/** As much of the start of a disk as `parseQcow2Header` needs. */
export const QCOW2_HEADER_BYTES = 112;

/** The L1 table that QEMU accepts at most. */
const L1_LIMIT = 32 * 1024 * 1024;

const INCOMPATIBLE = { corrupt: 2n, dataFile: 4n, extendedL2: 16n, known: 31n } as const;

/**
 * Checks a header. A disk that needs another file is refused: nobody would have that file, and a path chosen by whoever
 * made the image would be opened on the machine that launches it.
 */
export function parseQcow2Header(head: Buffer, name: string, fileSize: number): Qcow2Header {
  if (head.length < QCOW2_HEADER_BYTES) throw damaged(name, "qcow2", "its header is incomplete");
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw refused(name, `of version ${version}, expected 2 or 3`);
  if (head.readBigUInt64BE(8) !== 0n) throw refused(name, "with a backing file");
  if (head.readUInt32BE(32) !== 0) throw refused(name, "that is encrypted");
  const features = version === 3 ? head.readBigUInt64BE(72) : 0n;
  if ((features & INCOMPATIBLE.dataFile) !== 0n) throw refused(name, "with an external data file");
  if ((features & INCOMPATIBLE.corrupt) !== 0n) throw refused(name, "marked as corrupt");
  if ((features & ~INCOMPATIBLE.known) !== 0n) throw refused(name, "with features that are not known");
  return layoutOf(head, name, fileSize, (features & INCOMPATIBLE.extendedL2) !== 0n);
}

function layoutOf(head: Buffer, name: string, fileSize: number, extended: boolean): Qcow2Header {
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) {
    throw damaged(name, "qcow2", `clusters of 2^${clusterBits} bytes are not allowed`);
  }
  const clusterSize = 2 ** clusterBits;
  const l2EntrySize = extended ? 16 : 8;
  const virtualSize = Number(head.readBigUInt64BE(24));
  const l1Entries = head.readUInt32BE(36);
  const l1Offset = Number(head.readBigUInt64BE(40));
  const refcountOffset = Number(head.readBigUInt64BE(48));
  if (virtualSize === 0) throw damaged(name, "qcow2", "it describes a disk of 0 bytes");

  const needed = Math.ceil(virtualSize / (clusterSize * (clusterSize / l2EntrySize)));
  if (l1Entries < needed || l1Entries * 8 > L1_LIMIT) {
    throw damaged(name, "qcow2", `an L1 table of ${l1Entries} entries, expected ${needed}`);
  }
  const tables = [l1Offset + l1Entries * 8, refcountOffset + head.readUInt32BE(56) * clusterSize];
  const aligned = l1Offset % clusterSize === 0 && refcountOffset % clusterSize === 0;
  if (!aligned || l1Offset === 0) throw damaged(name, "qcow2", "its tables lie where none can be");
  for (const end of tables) {
    if (end > fileSize) throw damaged(name, "qcow2", `expected at least ${end} bytes, got ${fileSize}`);
  }
  return { virtualSize, clusterSize, l1Entries, l1Offset, l2EntrySize };
}

/** Entries of both tables: bits 9 to 55 are where it points, in a compressed one more and in another way. */
const OFFSET = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;

/**
 * Reads the header and follows both levels of tables, a few bytes per gigabyte of disk, so that a file that was cut off is found.
 * Only where a cluster starts is checked: QEMU itself leaves the last one shorter.
 */
export async function readQcow2(file: ImageFile, signal?: AbortSignal): Promise<Qcow2Header> {
  if (file.size < QCOW2_HEADER_BYTES) throw damaged(file.path, "qcow2", "its header is incomplete");
  const header = parseQcow2Header(await file.readExactly(0, QCOW2_HEADER_BYTES), file.path, file.size);
  const l1 = await file.readExactly(header.l1Offset, header.l1Entries * 8);
  for (let at = 0; at < l1.length; at += 8) {
    signal?.throwIfAborted();
    const l2Offset = Number(l1.readBigUInt64BE(at) & OFFSET);
    if (l2Offset === 0) continue;
    if (l2Offset + header.clusterSize > file.size) throw cutOff(file, l2Offset + header.clusterSize);
    checkClusters(file, header, await file.readExactly(l2Offset, header.clusterSize));
  }
  return header;
}

function checkClusters(file: ImageFile, header: Qcow2Header, l2: Buffer): void {
  // A compressed cluster gives its place in the low bits, the fewer the larger the clusters are.
  const compressedMask = (1n << BigInt(62 - (Math.log2(header.clusterSize) - 8))) - 1n;
  for (let at = 0; at < l2.length; at += header.l2EntrySize) {
    const entry = l2.readBigUInt64BE(at);
    const place = (entry & COMPRESSED) === 0n ? entry & OFFSET : entry & compressedMask;
    if (place >= BigInt(file.size)) throw cutOff(file, Number(place) + 1);
  }
}

function cutOff(file: ImageFile, expected: number): HeadwaterError {
  return damaged(file.path, "qcow2", `expected at least ${expected} bytes, got ${file.size}`);
}

function refused(name: string, what: string): HeadwaterError {
  return new HeadwaterError("FILE_UNSUPPORTED", `${name} is a qcow2 disk ${what}`, {
    hint: "Make a disk of its own from it: qemu-img convert -O qcow2 OLD NEW",
  });
}

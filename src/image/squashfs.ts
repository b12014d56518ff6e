import { HeadwaterError } from "../error.ts";
import { damaged } from "./compression/damage.ts";
import type { ImageFile } from "./image-file.ts";

export type SquashfsCompression = "gzip" | "lzma" | "lzo" | "xz" | "lz4" | "zstd";

/** By their number in the superblock. */
const COMPRESSIONS: readonly (SquashfsCompression | undefined)[] = [
  undefined,
  "gzip",
  "lzma",
  "lzo",
  "xz",
  "lz4",
  "zstd",
];

const SUPERBLOCK = 96;
const ABSENT = 0xffff_ffff_ffff_ffffn;
/** Offsets of the 64-bit places of the tables: ids, xattrs, inodes, directories, fragments, exports. */
const TABLES = [48, 56, 64, 72, 80, 88];

/**
 * Reads the superblock (Linux, Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h). The tables lie at the
 * end, behind the data, and the superblock says how many bytes there are: so a cut anywhere shows here.
 */
export async function readSquashfs(file: ImageFile): Promise<SquashfsCompression> {
  if (file.size < SUPERBLOCK) throw damaged(file.path, "squashfs", "its superblock is incomplete");
  const block = await file.readExactly(0, SUPERBLOCK);
  const blockSize = block.readUInt32LE(12);
  const compression = COMPRESSIONS[block.readUInt16LE(20)];
  const version = `${block.readUInt16LE(28)}.${block.readUInt16LE(30)}`;
  const used = block.readBigUInt64LE(40);

  if (version !== "4.0") throw unsupported(file.path, `version ${version}, expected 4.0`);
  if (compression === undefined) throw unsupported(file.path, "a compression that is not known");
  if (blockSize !== 2 ** block.readUInt16LE(22)) {
    throw damaged(file.path, "squashfs", "its superblock contradicts itself");
  }
  if (used > BigInt(file.size)) {
    throw damaged(file.path, "squashfs", `expected ${used} bytes, got ${file.size}`);
  }
  for (const offset of TABLES) {
    const table = block.readBigUInt64LE(offset);
    if (table !== ABSENT && table >= used) {
      throw damaged(file.path, "squashfs", "a table lies outside of the file system");
    }
  }
  return compression;
}

function unsupported(path: string, what: string): HeadwaterError {
  return new HeadwaterError("FILE_UNSUPPORTED", `${path} is a squashfs of ${what}`, {
    hint: "Build it again with mksquashfs 4 or newer.",
  });
}

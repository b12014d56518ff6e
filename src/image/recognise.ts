import { type Archive, recogniseArchive } from "./archive.ts";
import type { ReadOptions } from "./file-bytes.ts";
import { type FileIdentity, type ImageFile, withImageFile } from "./image-file.ts";
import { isCompressed, MAGIC_BYTES, magicOf } from "./magic.ts";
import { readQcow2 } from "./qcow2.ts";
import { unsupported } from "./refusals.ts";
import { readSquashfs, type SquashfsCompression } from "./squashfs.ts";

/** What one file is, by what is in it. */
export type Recognised = Archive | Squashfs | Disk;

export interface Squashfs {
  readonly kind: "root";
  readonly format: "squashfs";
  /** Inside of the squashfs. */
  readonly compression: SquashfsCompression;
}

export interface Disk {
  readonly kind: "disk";
  readonly format: "qcow2";
  /** Bytes; the smallest root disk it can be launched on. */
  readonly virtualSize: number;
}

/** A recognised file as it was at that moment; hand `identity` to whatever reads the file next. */
export type RecognisedFile = Recognised & {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly identity: FileIdentity;
};

/**
 * Tells what an image file is, and that it is whole, reading only what it must. Throws FILE_UNREADABLE, FILE_TRUNCATED,
 * FILE_UNSUPPORTED, FILE_TOO_LARGE, FILE_CHANGED, METADATA_INVALID, IMAGE_INVALID or PATH_UNSAFE, each naming the file.
 */
export async function recognise(path: string, options: ReadOptions = {}): Promise<RecognisedFile> {
  return withImageFile(path, async (file) => {
    options.signal?.throwIfAborted();
    const found = await recogniseOpen(file, options);
    await file.assertUnchanged();
    return { ...found, path, size: file.size, identity: file.identity };
  });
}

async function recogniseOpen(file: ImageFile, options: ReadOptions): Promise<Recognised> {
  const magic = magicOf(await file.readExactly(0, Math.min(MAGIC_BYTES, file.size)));
  if (magic === "tar") return recogniseArchive(file, "none", options);
  if (isCompressed(magic)) return recogniseArchive(file, magic, options);
  if (magic === "squashfs") {
    return { kind: "root", format: "squashfs", compression: await readSquashfs(file) };
  }
  if (magic === "qcow2") {
    const { virtualSize } = await readQcow2(file, options.signal);
    return { kind: "disk", format: "qcow2", virtualSize };
  }
  throw unsupported(file.path, magic);
}

import { combinedHash } from "../image/combined-hash.ts";
import type { Compression } from "../image/decompress.ts";
import type { BlobSink, StoreWriter } from "../store/store.ts";
import type { BuildFiles } from "./build.ts";
import type { SplitVm } from "../image/split-unified-vm.ts";

/** Runs a copy into a new staged blob, which exists afterwards or not at all. */
export async function intoBlob<T extends { readonly sha256: string; readonly size: number }>(
  writer: StoreWriter,
  copy: (sink: BlobSink) => Promise<T>,
): Promise<T> {
  const sink = await writer.create();
  try {
    const copied = await copy(sink);
    await sink.commit({ sha256: copied.sha256, size: copied.size });
    return copied;
  } catch (error) {
    await sink.cancel();
    throw error;
  }
}

/**
 * Stages what a unified virtual machine is taken apart into: LXD, and Incus before 7.1, take such an image for a container, so it
 * is listed as metadata and disk.
 */
export async function stageSplitVm(
  writer: StoreWriter,
  splitInto: (sink: BlobSink) => Promise<SplitVm>,
): Promise<BuildFiles> {
  const { sha256, size, split } = await intoBlob(writer, async (sink) => {
    const split = await splitInto(sink);
    return { ...split.disk, split };
  });
  const metadata = await writer.put(split.metadata);
  const fingerprint = split.fingerprint ?? (await combinedWithStaged(writer, split.metadata, sha256));
  return {
    kind: "split",
    metadata: { ...metadata, extension: "tar.gz" },
    roots: [{ sha256, size, fingerprint, ftype: "disk-kvm.img", extension: "qcow2" }],
  };
}

/** When metadata came after the disk, the disk is read once more, from where it was staged. */
async function combinedWithStaged(writer: StoreWriter, metadata: Uint8Array, disk: string): Promise<string> {
  const reader = await writer.open(disk);
  try {
    return await combinedHash(metadata, reader);
  } finally {
    await reader.close();
  }
}

/** What an archive is called: clients tell its compression by its bytes, people by its name. */
export const TAR_EXTENSIONS: Readonly<Record<Compression, string>> = {
  none: "tar",
  gzip: "tar.gz",
  xz: "tar.xz",
  lzma: "tar.lzma",
  zstd: "tar.zst",
  bzip2: "tar.bz2",
};

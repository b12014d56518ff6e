import type { ReadOptions } from "../../image/file-bytes.ts";
import { copyAndHash } from "../../image/hash-once.ts";
import { assertSame, withImageFile } from "../../image/image-file.ts";
import { splitUnifiedVm } from "../../image/split-unified-vm.ts";
import type { StoreWriter } from "../../store/store.ts";
import type { BuildFiles, StagedFile, StagedRoot } from "../build.ts";
import { intoBlob, stageSplitVm, TAR_EXTENSIONS } from "../staging.ts";
import type { Found, GatheredImage } from "./gather.ts";

export interface StagedImage {
  readonly files: BuildFiles;
  /** The bytes are not those of the files: a unified VM was split, and has another fingerprint. */
  readonly rewritten: boolean;
}

/** Copies the files of one image into the writer's private area, each byte read once, and computes every sum on the way. */
export async function stageImage(
  writer: StoreWriter,
  image: GatheredImage,
  options: ReadOptions,
): Promise<StagedImage> {
  if (image.kind === "unified") {
    return image.image.type === "container"
      ? stageUnifiedContainer(writer, image.image, options)
      : stageUnifiedVm(writer, image.image, options);
  }
  const { compression } = image.metadata;
  const bytes = await wholeFile(image.metadata);
  const { sha256, size } = await writer.put(bytes);
  const roots: StagedRoot[] = [];
  for (const root of image.roots) roots.push(await stageRoot(writer, root, bytes, options));
  return {
    files: { kind: "split", metadata: { sha256, size, extension: TAR_EXTENSIONS[compression] }, roots },
    rewritten: false,
  };
}

/** A metadata tarball, whose size has been checked: it comes before each root in the hash that is the fingerprint. */
async function wholeFile(found: Found<"metadata">): Promise<Uint8Array> {
  return withImageFile(found.path, async (file) => {
    assertSame(found.path, found.identity, file.identity);
    return file.readExactly(0, file.size);
  });
}

async function stageRoot(
  writer: StoreWriter,
  root: Found<"root" | "disk">,
  metadata: Uint8Array,
  options: ReadOptions,
): Promise<StagedRoot> {
  const combinedWith = [{ name: "fingerprint", bytes: metadata }];
  const { sha256, size, combined } = await intoBlob(writer, (sink) =>
    copyAndHash(root.path, sink, { ...options, combinedWith, identity: root.identity }),
  );
  const staged = { sha256, size, fingerprint: combined.get("fingerprint") ?? "" };
  if (root.kind === "disk") return { ...staged, ftype: "disk-kvm.img", extension: "qcow2" };
  if (root.format === "squashfs") return { ...staged, ftype: "squashfs", extension: "squashfs" };
  return { ...staged, ftype: "root.tar.xz", extension: TAR_EXTENSIONS[root.compression] };
}

async function stageUnifiedContainer(
  writer: StoreWriter,
  image: Found<"unified">,
  options: ReadOptions,
): Promise<StagedImage> {
  const { sha256, size } = await intoBlob(writer, (sink) =>
    copyAndHash(image.path, sink, { ...options, identity: image.identity }),
  );
  const staged: StagedFile = { sha256, size, extension: TAR_EXTENSIONS[image.compression] };
  return { files: { kind: "unified", image: staged }, rewritten: false };
}

async function stageUnifiedVm(
  writer: StoreWriter,
  image: Found<"unified">,
  options: ReadOptions,
): Promise<StagedImage> {
  const files = await stageSplitVm(writer, (sink) =>
    splitUnifiedVm(image.path, sink, { ...options, identity: image.identity }),
  );
  return { files, rewritten: true };
}

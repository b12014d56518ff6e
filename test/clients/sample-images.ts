import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Metadata,
  busyboxRoot,
  metadataTarball,
  qcow2,
  rootTarball,
  squashfs,
  unifiedContainer,
  unifiedVm,
} from "./image-files.ts";

/** One of the shapes in which people have images, as files of their own in a folder of its own. */
export interface SampleImage {
  readonly name: SampleName;
  /** What `headwater add` is given. */
  readonly files: readonly string[];
  readonly metadata: Metadata;
  /** The alias every client can use. */
  readonly alias: string;
  readonly type: "container" | "virtual-machine";
  /** Undefined where the files are taken apart on the way in. */
  readonly fingerprint: string | undefined;
  /** SHA-256 of the disk of a virtual machine, as it has to reach clients however it came in. */
  readonly disk: string | undefined;
  /** What /etc/marker holds in a container made from it. */
  readonly marker: string;
}

export type SampleName =
  | "container-squashfs"
  | "container-tarball"
  | "vm-disk"
  | "unified-container"
  | "unified-vm";

export const SAMPLES: readonly SampleName[] = [
  "container-squashfs",
  "container-tarball",
  "vm-disk",
  "unified-container",
  "unified-vm",
];

/** Builds one; `build` tells two builds of the same shape apart. */
export async function sampleImage(folder: string, name: SampleName, build = "first"): Promise<SampleImage> {
  const own = join(folder, `${name}-${build}`);
  await mkdir(own, { recursive: true });
  const metadata: Metadata = { os: "Busy", release: name, description: `${name}, ${build} build` };
  const marker = `${name}, ${build} build`;
  const files = await filesOf(own, name, metadata, marker);
  const isVm = name === "vm-disk" || name === "unified-vm";
  return {
    name,
    files,
    metadata,
    alias: `busy/${name}`,
    type: isVm ? "virtual-machine" : "container",
    disk: isVm ? await sha256OfFiles([join(own, "disk.qcow2")]) : undefined,
    fingerprint: name === "unified-vm" ? undefined : await sha256OfFiles(files),
    marker,
  };
}

async function filesOf(
  folder: string,
  name: SampleName,
  metadata: Metadata,
  marker: string,
): Promise<string[]> {
  switch (name) {
    case "container-squashfs":
      return [
        await metadataTarball(folder, metadata),
        await squashfs(await busyboxRoot(folder, marker), join(folder, "rootfs.squashfs")),
      ];
    case "container-tarball":
      return [
        await metadataTarball(folder, metadata),
        await rootTarball(await busyboxRoot(folder, marker), join(folder, "rootfs.tar.xz")),
      ];
    case "vm-disk":
      return [await metadataTarball(folder, metadata), await qcow2(folder)];
    case "unified-container":
      return [await unifiedContainer(folder, await busyboxRoot(folder, marker), metadata)];
    case "unified-vm":
      return [await unifiedVm(folder, await qcow2(folder), metadata)];
    default:
      throw new Error(name satisfies never);
  }
}

/** SHA-256 over files one after the other: what a fingerprint is, for metadata and root in this order. */
export async function sha256OfFiles(files: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) hash.update(await readFile(file));
  return hash.digest("hex");
}

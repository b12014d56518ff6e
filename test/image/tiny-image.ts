import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type NewMember, writeTar } from "../../src/image/write-tar.ts";

/** 2026-11-21 03:04 UTC. */
export const TINY_CREATED = 1_795_230_240;

export interface TinyOptions {
  /** As metadata.yaml writes it. */
  readonly architecture?: string;
  readonly created?: number;
  /** Replaces or adds properties; undefined leaves one out. */
  readonly properties?: Readonly<Record<string, string | undefined>>;
  /** Makes the bytes, and so the fingerprints, different from other tiny images. */
  readonly salt?: string;
}

/** What a metadata.yaml needs, with the properties that most images carry. */
export function tinyMetadataYaml(options: TinyOptions = {}): string {
  const { architecture = "x86_64", created = TINY_CREATED, properties = {} } = options;
  const all: Record<string, string | undefined> = {
    architecture: "amd64",
    description: "Tiny 1 amd64",
    name: "tiny-1-amd64",
    os: "Tiny",
    release: "1",
    serial: "20261121_0304",
    variant: "default",
    ...properties,
  };
  const lines = Object.entries(all).flatMap(([key, value]) =>
    value === undefined ? [] : [`  ${key}: ${JSON.stringify(value)}`],
  );
  return `architecture: ${architecture}\ncreation_date: ${created}\nproperties:\n${lines.join("\n")}\n`;
}

/** An uncompressed metadata tarball. */
export async function tinyMetadataTar(options: TinyOptions = {}): Promise<Buffer> {
  const salt = options.salt === undefined ? [] : [member("templates/salt.tpl", options.salt)];
  return writeTar([member("metadata.yaml", tinyMetadataYaml(options)), ...salt], TINY_CREATED);
}

/** Members of a small root file system, below a folder where one is given, such as `rootfs/`. */
export function tinyRootMembers(below = "", salt = ""): NewMember[] {
  return [
    ...(below === "" ? [] : [{ name: below, mode: 0o755 }]),
    { name: `${below}bin/`, mode: 0o755 },
    member(`${below}bin/true`, "#!/bin/sh\n"),
    { name: `${below}etc/`, mode: 0o755 },
    member(`${below}etc/hostname`, `tiny${salt}\n`),
    { name: `${below}sbin`, mode: 0o777, linkTo: "bin" },
  ];
}

/** An uncompressed root tarball. */
export async function tinyRootTar(options: TinyOptions = {}): Promise<Buffer> {
  return writeTar(tinyRootMembers("", options.salt), TINY_CREATED);
}

/** A squashfs as far as its superblock goes: enough for everything that does not mount it. */
export function tinySquashfs(options: TinyOptions = {}): Buffer {
  const image = Buffer.alloc(4096);
  image.write("hsqs", 0, "latin1");
  image.writeUInt32LE(131_072, 12);
  image.writeUInt16LE(4, 20); // xz
  image.writeUInt16LE(17, 22);
  image.writeUInt16LE(4, 28);
  image.writeBigUInt64LE(4096n, 40);
  image.fill(0xff, 48, 96);
  image.write(options.salt ?? "tiny", 96);
  return image;
}

export interface TinyDiskOptions extends TinyOptions {
  /** Bytes. */
  readonly virtualSize?: number;
}

/** An empty qcow2 of version 3 with 64 KiB clusters: header, L1 table, refcount table, and the refcounts themselves. */
export function tinyQcow2(options: TinyDiskOptions = {}): Buffer {
  const cluster = 65_536;
  const disk = Buffer.alloc(4 * cluster);
  disk.write("QFI\xfb", 0, "latin1");
  disk.writeUInt32BE(3, 4);
  disk.writeUInt32BE(16, 20);
  disk.writeBigUInt64BE(BigInt(options.virtualSize ?? 64 * 1024 * 1024), 24);
  disk.writeUInt32BE(1, 36); // one L1 entry covers 512 MiB
  disk.writeBigUInt64BE(BigInt(3 * cluster), 40);
  disk.writeBigUInt64BE(BigInt(cluster), 48);
  disk.writeUInt32BE(1, 56);
  disk.writeUInt32BE(4, 96);
  disk.writeUInt32BE(104, 100);
  disk.write(options.salt ?? "", 512);
  disk.writeBigUInt64BE(BigInt(2 * cluster), cluster);
  for (let used = 0; used < 4; used++) disk.writeUInt16BE(1, 2 * cluster + 2 * used);
  return disk;
}

/** The bytes of a unified container image, uncompressed. */
export async function tinyUnifiedContainerTar(options: TinyOptions = {}): Promise<Buffer> {
  const yaml = member("metadata.yaml", tinyMetadataYaml(options));
  return writeTar([yaml, ...tinyRootMembers("rootfs/", options.salt)], TINY_CREATED);
}

/** The bytes of a unified VM image, uncompressed, in the order in which `incus publish` writes it. */
export async function tinyUnifiedVmTar(options: TinyDiskOptions = {}): Promise<Buffer> {
  const yaml = member("metadata.yaml", tinyMetadataYaml(options));
  const disk = { name: "rootfs.img", mode: 0o644, content: tinyQcow2(options) };
  return writeTar([yaml, disk], TINY_CREATED);
}

/** A folder of its own under the system's temporary one; `remove` it when done. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "headwater-image-"));
  return { path, remove: async () => rm(path, { recursive: true, force: true }) };
}

export interface TinyContainer {
  readonly metadata: string;
  readonly root: string;
}

/** A split container as distrobuilder leaves it, for Incus: `incus.tar.xz` (gzip inside) and `rootfs.squashfs`. */
export async function writeTinyContainer(folder: string, options: TinyOptions = {}): Promise<TinyContainer> {
  const metadata = join(folder, "incus.tar.xz");
  const root = join(folder, "rootfs.squashfs");
  await writeFile(metadata, gzipSync(await tinyMetadataTar(options)));
  await writeFile(root, tinySquashfs(options));
  return { metadata, root };
}

/** A split VM as distrobuilder leaves it: `incus.tar.xz` (gzip inside) and `disk.qcow2`. */
export async function writeTinyVm(
  folder: string,
  options: TinyDiskOptions = {},
): Promise<{ metadata: string; disk: string }> {
  const metadata = join(folder, "incus.tar.xz");
  const disk = join(folder, "disk.qcow2");
  await writeFile(metadata, gzipSync(await tinyMetadataTar(options)));
  await writeFile(disk, tinyQcow2(options));
  return { metadata, disk };
}

/** A unified container as `incus image export` leaves it. */
export async function writeTinyUnifiedContainer(folder: string, options: TinyOptions = {}): Promise<string> {
  const path = join(folder, "unified.tar.gz");
  await writeFile(path, gzipSync(await tinyUnifiedContainerTar(options)));
  return path;
}

/** A unified VM as `incus image export` leaves it after `incus publish`. */
export async function writeTinyUnifiedVm(folder: string, options: TinyDiskOptions = {}): Promise<string> {
  const path = join(folder, "unified-vm.tar.gz");
  await writeFile(path, gzipSync(await tinyUnifiedVmTar(options)));
  return path;
}

function member(name: string, content: string): NewMember {
  return { name, mode: 0o644, content: Buffer.from(content) };
}

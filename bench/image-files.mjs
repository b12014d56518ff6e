import { randomFillSync } from "node:crypto";
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A metadata tarball of its own bytes, as plain tar with gzip. Returns its path. */
export function writeMetadata(folder, { salt, ...described }) {
  const source = join(folder, `metadata-${salt}`);
  writeYaml(source, { salt, ...described });
  const path = join(folder, `${salt}.incus.tar.gz`);
  execFileSync("tar", ["czf", path, "-C", source, "metadata.yaml"]);
  return path;
}

/** A unified image as plain tar: metadata, and one file of `size` random bytes for a root. Returns its path. */
export async function writeUnified(folder, { size, salt, ...described }) {
  const source = join(folder, `unified-${salt}`);
  mkdirSync(join(source, "rootfs"), { recursive: true });
  writeYaml(source, { salt, ...described });
  await writeSquashfs(join(source, "rootfs", "random"), size);
  const path = join(folder, `${salt}.tar`);
  execFileSync("tar", ["cf", path, "-C", source, "metadata.yaml", "rootfs"]);
  rmSync(source, { recursive: true });
  return path;
}

function writeYaml(source, { os, release, salt, created = 1767323045 }) {
  mkdirSync(source, { recursive: true });
  const properties = `  os: ${os}\n  release: "${release}"\n  description: ${os} ${release} ${salt}\n`;
  writeFileSync(
    join(source, "metadata.yaml"),
    `architecture: x86_64\ncreation_date: ${created}\nproperties:\n${properties}`,
  );
}

/** A file with the superblock of a squashfs that uses all of it, and random bytes behind. */
export async function writeSquashfs(path, size) {
  const file = openSync(path, "w");
  const chunk = Buffer.alloc(Math.min(size, 8 * 1024 * 1024));
  for (let written = 0; written < size; written += chunk.length) {
    randomFillSync(chunk);
    if (written === 0) superblock(size).copy(chunk);
    writeSync(file, chunk, 0, Math.min(chunk.length, size - written));
  }
  closeSync(file);
}

function superblock(size) {
  const block = Buffer.alloc(96);
  block.write("hsqs", 0, "latin1");
  block.writeUInt32LE(131_072, 12);
  block.writeUInt16LE(6, 20);
  block.writeUInt16LE(17, 22);
  block.writeUInt16LE(4, 28);
  block.writeBigUInt64LE(BigInt(size), 40);
  block.fill(0xff, 48, 96); // No tables: nothing mounts it.
  return block;
}

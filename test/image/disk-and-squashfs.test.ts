import { spawnSync } from "node:child_process";
import { mkdir, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recognise } from "../../src/image/recognise.ts";
import { failureOf } from "./failure.ts";
import { needProgram } from "./programs.ts";
import { temporaryFolder, tinyQcow2, tinySquashfs } from "./tiny-image.ts";

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => folder.remove());

let files = 0;
async function file(bytes: Uint8Array): Promise<string> {
  const path = join(folder.path, `${++files}.bin`);
  await writeFile(path, bytes);
  return path;
}

/** A tiny file with one thing changed. */
async function refusalOf(make: () => Buffer, change: (bytes: Buffer) => unknown) {
  const bytes = make();
  change(bytes);
  return failureOf(recognise(await file(bytes)));
}

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

describe("a qcow2 disk", () => {
  const wrong: readonly (readonly [rule: string, code: string, change: (disk: Buffer) => unknown])[] = [
    ["backing file", "FILE_UNSUPPORTED", (disk) => disk.writeBigUInt64BE(512n, 8)],
    ["encrypted", "FILE_UNSUPPORTED", (disk) => disk.writeUInt32BE(1, 32)],
    ["external data file", "FILE_UNSUPPORTED", (disk) => disk.writeBigUInt64BE(4n, 72)],
    ["corrupt", "FILE_UNSUPPORTED", (disk) => disk.writeBigUInt64BE(2n, 72)],
    ["not known", "FILE_UNSUPPORTED", (disk) => disk.writeBigUInt64BE(1n << 40n, 72)],
    ["version 1", "FILE_UNSUPPORTED", (disk) => disk.writeUInt32BE(1, 4)],
    ["clusters of 2^40", "FILE_TRUNCATED", (disk) => disk.writeUInt32BE(40, 20)],
    ["0 bytes", "FILE_TRUNCATED", (disk) => disk.writeBigUInt64BE(0n, 24)],
    ["L1 table", "FILE_TRUNCATED", (disk) => disk.writeBigUInt64BE(1n << 50n, 24)],
    ["L1 table", "FILE_TRUNCATED", (disk) => disk.writeUInt32BE(0xffff_ffff, 36)],
    ["expected at least", "FILE_TRUNCATED", (disk) => disk.writeBigUInt64BE(1n << 30n, 40)],
    ["expected at least", "FILE_TRUNCATED", (disk) => disk.writeBigUInt64BE(1n << 40n, 48)],
    ["where none can be", "FILE_TRUNCATED", (disk) => disk.writeBigUInt64BE(5n, 40)],
    ["expected at least", "FILE_TRUNCATED", (disk) => disk.writeBigUInt64BE(1n << 30n, 3 * 65_536)],
  ];
  it.for(wrong)("is refused with the rule: %s", async ([rule, code, change]) => {
    const refusal = await refusalOf(tinyQcow2, change);
    expect(refusal.code).toBe(code);
    expect(refusal.message).toContain(rule);
  });

  it("is taken whatever qemu-img made it with", async (context) => {
    needProgram(context, "qemu-img");
    const raw = await file(Buffer.alloc(3 << 20, "some data"));
    await truncate(raw, 5 * 2 ** 30);
    for (const options of [
      "compat=0.10",
      "compat=1.1,lazy_refcounts=on",
      "cluster_size=512",
      "cluster_size=2M",
      "extended_l2=on,cluster_size=128k",
      "compression_type=zstd",
      "preallocation=metadata",
    ]) {
      for (const compressed of options.startsWith("preallocation") ? [[]] : [[], ["-c"]]) {
        const disk = join(folder.path, "made.qcow2");
        run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", options, ...compressed, raw, disk);
        expect(await recognise(disk), options).toMatchObject({ virtualSize: 5 * 2 ** 30 });
      }
    }
  });

  it("is taken with its own snapshots, and refused with those of a backing or data file made by qemu-img", async (context) => {
    needProgram(context, "qemu-img");
    const path = (name: string): string => join(folder.path, name);
    run("qemu-img", "create", "-q", "-f", "qcow2", path("base.qcow2"), "1G");
    run("qemu-img", "snapshot", "-c", "first", path("base.qcow2"));
    expect(await recognise(path("base.qcow2"))).toMatchObject({ virtualSize: 2 ** 30 });
    run(
      "qemu-img",
      "create",
      "-q",
      "-f",
      "qcow2",
      "-F",
      "qcow2",
      "-b",
      path("base.qcow2"),
      path("over.qcow2"),
    );
    expect((await failureOf(recognise(path("over.qcow2")))).message).toContain("backing file");
    const data = `data_file=${path("data.raw")}`;
    run("qemu-img", "create", "-q", "-f", "qcow2", "-o", data, path("front.qcow2"), "1G");
    expect((await failureOf(recognise(path("front.qcow2")))).message).toContain("data file");
  });

  it("is taken when it is stored sparsely, and when it is larger than 4 GiB", async () => {
    const path = await file(tinyQcow2());
    await truncate(path, 6 * 2 ** 30);
    expect((await stat(path)).blocks).toBeLessThan(1000);
    expect(await recognise(path)).toMatchObject({ kind: "disk", size: 6 * 2 ** 30 });
  });
});

describe("a squashfs", () => {
  it.for([
    ["version 3.1", "FILE_UNSUPPORTED", (image: Buffer) => image.writeUInt32LE(0x0001_0003, 28)],
    ["compression", "FILE_UNSUPPORTED", (image: Buffer) => image.writeUInt16LE(9, 20)],
    ["contradicts itself", "FILE_TRUNCATED", (image: Buffer) => image.writeUInt16LE(12, 22)],
    ["expected 4097 bytes, got 4096", "FILE_TRUNCATED", (image: Buffer) => image.writeBigUInt64LE(4097n, 40)],
    ["outside", "FILE_TRUNCATED", (image: Buffer) => image.writeBigUInt64LE(4096n, 64)],
  ] as const)("is refused with the rule: %s", async ([rule, code, change]) => {
    const refusal = await refusalOf(tinySquashfs, change);
    expect(refusal.code).toBe(code);
    expect(refusal.message).toContain(rule);
  });

  it("is taken as mksquashfs makes it, and refused when it lacks its last block", async (context) => {
    needProgram(context, "mksquashfs");
    const tree = join(folder.path, "tree");
    await mkdir(join(tree, "etc"), { recursive: true });
    await writeFile(join(tree, "etc/data"), Buffer.alloc(300_000, "data"));
    for (const compression of ["gzip", "xz", "zstd", "lz4", "lzo"]) {
      const image = join(folder.path, `${compression}.squashfs`);
      run("mksquashfs", tree, image, "-comp", compression, "-noappend", "-quiet", "-no-progress");
      expect(await recognise(image)).toMatchObject({ kind: "root", compression });
      // mksquashfs pads to 4 KiB, which is not part of the file system.
      await truncate(image, (await stat(image)).size - 4096);
      expect((await failureOf(recognise(image))).code).toBe("FILE_TRUNCATED");
    }
  });
});

import { spawnSync } from "node:child_process";
import { chmod, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recognise } from "../../src/image/recognise.ts";
import { writeTar } from "../../src/image/write-tar.ts";
import { quoted } from "../../src/simplestreams/printable.ts";
import { failureOf } from "./failure.ts";
import { needProgram, through } from "./programs.ts";
import * as tiny from "./tiny-image.ts";

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await tiny.temporaryFolder();
});
afterAll(async () => folder.remove());

let files = 0;
async function file(bytes: Uint8Array): Promise<string> {
  const path = join(folder.path, `${++files}.bin`);
  await writeFile(path, bytes);
  return path;
}

async function refusalOf(bytes: Uint8Array) {
  return failureOf(recognise(await file(bytes)));
}

const yaml = (text = tiny.tinyMetadataYaml()) => ({
  name: "metadata.yaml",
  mode: 0o644,
  content: Buffer.from(text),
});

describe("a file that is cut off", () => {
  const whole = [
    ["a plain tar", async () => tiny.tinyMetadataTar(), undefined, 512],
    ["gzip", async () => gzipSync(await tiny.tinyMetadataTar()), undefined, 0],
    ["gzip around a root", async () => gzipSync(await tiny.tinyRootTar()), undefined, 0],
    ["xz", async () => through(await tiny.tinyMetadataTar(), "xz", "-c"), "xz", 0],
    ["xz around a root", async () => through(await tiny.tinyRootTar(), "xz", "-c"), "xz", 0],
    ["lzma", async () => through(await tiny.tinyMetadataTar(), "xz", "-c", "--format=lzma"), "xz", 0],
    ["zstd", async () => through(await tiny.tinyMetadataTar(), "zstd", "-c"), "zstd", 0],
    ["zstd around a root", async () => through(await tiny.tinyRootTar(), "zstd", "-c"), "zstd", 0],
    ["bzip2", async () => through(await tiny.tinyMetadataTar(), "bzip2", "-c"), "bzip2", 0],
    ["squashfs", async () => tiny.tinySquashfs(), undefined, 0],
  ] as const;

  it.for(whole)("is refused wherever it is cut: %s", async ([, make, program, dispensable], context) => {
    if (program !== undefined) needProgram(context, program);
    const bytes = await make();
    await recognise(await file(bytes));
    const step = Math.max(1, Math.floor(bytes.length / 60));
    // A tar ends in two zero blocks, of which one is enough.
    for (let length = bytes.length - 1 - dispensable; length > 0; length -= step) {
      const failure = await refusalOf(bytes.subarray(0, length));
      // What is shorter than its own magic is not even a cut file any more.
      const codes = length < 600 ? ["FILE_TRUNCATED", "FILE_UNSUPPORTED"] : ["FILE_TRUNCATED"];
      expect(codes, `${length} of ${bytes.length} bytes: ${failure.message}`).toContain(failure.code);
      expect(failure.message).toContain(`${files}.bin`);
    }
  });

  it("is refused when a tar stops exactly between two members", async () => {
    const bytes = await tiny.tinyRootTar();
    const failure = await refusalOf(bytes.subarray(0, 512));
    expect(failure.code).toBe("FILE_TRUNCATED");
  });

  it("is refused when the bits of an unpacked format are wrong", async (context) => {
    needProgram(context, "xz", "bzip2");
    for (const bytes of [
      gzipSync(await tiny.tinyMetadataTar()),
      await through(await tiny.tinyMetadataTar(), "xz", "-c"),
      await through(await tiny.tinyMetadataTar(), "bzip2", "-c"),
    ]) {
      bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 0xff, bytes.length >> 1);
      expect((await refusalOf(bytes)).code).toBe("FILE_TRUNCATED");
    }
  });

  it("is refused when a qcow2 made by qemu-img lacks its last clusters", async (context) => {
    needProgram(context, "qemu-img");
    const raw = await file(Buffer.alloc(4 << 20, "data"));
    const disk = join(folder.path, "cut.qcow2");
    spawnSync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, disk]);
    await recognise(disk);
    await truncate(disk, 4 << 20);
    expect((await failureOf(recognise(disk))).code).toBe("FILE_TRUNCATED");
  });

  it("is refused when it is empty", async () => {
    expect((await refusalOf(Buffer.alloc(0))).code).toBe("FILE_TRUNCATED");
  });
});

describe("a file that wants too much", () => {
  it("is refused when xz needs gigabytes of memory, with the numbers", async (context) => {
    needProgram(context, "xz");
    // The size of the dictionary is written in the header; a compressor with one of 1.5 GiB would need 16 GiB to make it.
    const bytes = await through(await tiny.tinyMetadataTar(), "xz", "-c", "--check=none");
    expect(bytes.subarray(12, 20).toString("hex")).toBe("0200210116000000");
    bytes.writeUInt8(37, 16);
    bytes.writeUInt32LE(crc32(bytes.subarray(12, 20)), 20);
    const failure = await refusalOf(bytes);
    expect(failure.code).toBe("FILE_UNSUPPORTED");
    expect(failure.message).toContain("1536 MiB");
    expect(failure.message).toContain("288 MiB");
  });

  it("is refused when .lzma needs gigabytes of memory", async (context) => {
    needProgram(context, "xz");
    const bytes = await through(await tiny.tinyMetadataTar(), "xz", "-c", "--format=lzma");
    bytes.writeUInt32LE(0xc0000000, 1);
    const failure = await refusalOf(bytes);
    expect(failure.code).toBe("FILE_UNSUPPORTED");
    expect(failure.message).toContain("3072 MiB");
  });

  it("is refused when zstd needs gigabytes of memory", async () => {
    // A frame with a window descriptor of 2 GiB, and one empty block.
    const frame = Buffer.from("28b52ffd00a8010000", "hex");
    const failure = await refusalOf(frame);
    expect(failure.code).toBe("FILE_UNSUPPORTED");
    expect(failure.message).toContain("2048 MiB");
  });

  it("is refused at once when metadata.yaml has a gigabyte, without reading it", async () => {
    const path = await file(await tarHeader("metadata.yaml", 1 << 30));
    await truncate(path, (1 << 30) + 2048);
    const before = process.memoryUsage().rss;
    const failure = await failureOf(recognise(path));
    expect(failure.code).toBe("METADATA_INVALID");
    expect(failure.message).toContain(String(1 << 30));
    expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
  });

  it("is refused when a few kilobytes unpack to endless other things", async () => {
    const path = await file(await tarHeader("zeros", 1 << 40));
    await truncate(path, 1 << 30);
    const failure = await failureOf(recognise(path));
    expect(failure.code).toBe("FILE_TOO_LARGE");
  });

  it("is refused when a header of extended attributes has megabytes", async () => {
    const failure = await refusalOf(
      Buffer.concat([await tarHeader("attributes", 64 << 20, "x"), Buffer.alloc(1 << 20)]),
    );
    expect(failure.code).toBe("FILE_TRUNCATED");
  });

  it("is refused when a metadata tarball is far larger than any real one", async () => {
    const noise = { name: "noise", mode: 0o644, content: Buffer.alloc(17 << 20) };
    const failure = await refusalOf(await writeTar([yaml(), noise], 1));
    expect(failure.code).toBe("FILE_TOO_LARGE");
  });
});

describe("an archive with odd members", () => {
  const refused = [
    ["../etc/passwd", "PATH_UNSAFE"],
    ["templates/../../x", "PATH_UNSAFE"],
    ["/etc/passwd", "PATH_UNSAFE"],
    [`\u001b[31m/..`, "PATH_UNSAFE"],
    ["n".repeat(5000), "PATH_UNSAFE"],
  ] as const;
  it.for(refused)("is refused when a name is %s", async ([name, code]) => {
    const failure = await refusalOf(await writeTar([yaml(), { name, mode: 0o644 }], 1));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(quoted(name));
  });

  it("is refused when metadata.yaml is a link or comes twice", async () => {
    const link = { name: "metadata.yaml", mode: 0o777, linkTo: "/etc/passwd" };
    expect((await refusalOf(await writeTar([link], 1))).code).toBe("IMAGE_INVALID");
    expect((await refusalOf(await writeTar([yaml(), yaml()], 1))).code).toBe("IMAGE_INVALID");
  });

  it("is refused when rootfs is a link, and when it has no metadata.yaml beside it", async () => {
    const link = { name: "rootfs", mode: 0o777, linkTo: "/" };
    const linked = await refusalOf(await writeTar([yaml(), link], 1));
    expect(linked.message).toContain("not a real folder");
    const alone = await refusalOf(await writeTar(tiny.tinyRootMembers("rootfs/"), 1));
    expect(alone.code).toBe("IMAGE_INVALID");
    expect(alone.hint).toContain("metadata.yaml");
  });

  it("is refused when a template has no file", async () => {
    const text = `${tiny.tinyMetadataYaml()}templates:\n  /etc/hostname:\n    when: [create]\n    template: name.tpl\n`;
    expect((await refusalOf(await writeTar([yaml(text)], 1))).message).toContain(`template "name.tpl"`);
    const template = { name: "templates/name.tpl", mode: 0o644 };
    expect((await recognise(await file(await writeTar([yaml(text), template], 1)))).kind).toBe("metadata");
  });

  it("is refused when the disk of a unified VM is not a qcow2", async () => {
    const raw = { name: "rootfs.img", mode: 0o644, content: mbr() };
    const failure = await refusalOf(await writeTar([yaml(), raw], 1));
    expect(failure.code).toBe("FILE_UNSUPPORTED");
    expect(failure.hint).toContain("qemu-img convert");
  });

  it("is refused when a sum of a tar header is wrong", async () => {
    const bytes = await tiny.tinyMetadataTar();
    bytes.write("x", 0);
    expect((await refusalOf(bytes)).code).toBe("FILE_TRUNCATED");
  });
});

describe("a kind of file that no client takes", () => {
  const kinds: readonly (readonly [string, () => Buffer, string])[] = [
    ["a raw disk", mbr, "qemu-img convert -f raw -O qcow2"],
    ["a VMware disk", () => Buffer.concat([Buffer.from("KDMV"), Buffer.alloc(512)]), "qemu-img convert"],
    ["an ISO", iso, "qcow2"],
    ["lz4", () => Buffer.from("04224d186440a7", "hex"), "LXD"],
    ["text", () => Buffer.from("hello\n"), "qemu-img"],
  ];
  it.for(kinds)("is refused with what to do about it: %s", async ([, make, advice]) => {
    const failure = await refusalOf(make());
    expect(failure.code).toBe("FILE_UNSUPPORTED");
    expect(`${failure.message} ${failure.hint}`).toContain(advice);
  });

  it("is refused when a disk comes compressed", async () => {
    const failure = await refusalOf(gzipSync(tiny.tinyQcow2()));
    expect(failure.code).toBe("FILE_UNSUPPORTED");
    expect(failure.hint).toContain("Unpack");
  });
});

describe("a path that is no readable file", () => {
  it("is refused with the reason when nothing is there", async () => {
    const failure = await failureOf(recognise(join(folder.path, "nothing")));
    expect(failure.code).toBe("FILE_UNREADABLE");
    expect(failure.message).toContain("no such file");
  });

  it("is refused when it is a folder, a device, or a link in a circle", async () => {
    const circle = join(folder.path, "circle");
    await symlink(circle, circle);
    for (const [path, what] of [
      [folder.path, "a folder"],
      ["/dev/zero", "a character device"],
      [circle, "too many symbolic links"],
    ] as const) {
      const failure = await failureOf(recognise(path));
      expect(failure.code).toBe("FILE_UNREADABLE");
      expect(failure.message).toContain(what);
    }
  });

  it("is refused without waiting when it is a named pipe", async (context) => {
    needProgram(context, "mkfifo");
    const pipe = join(folder.path, "pipe");
    spawnSync("mkfifo", [pipe]);
    const failure = await failureOf(recognise(pipe));
    expect(failure.message).toContain("a named pipe");
  });

  it("is refused with the reason when permission is missing", async (context) => {
    const path = await file(tiny.tinySquashfs());
    await chmod(path, 0);
    await chmod(folder.path, 0o755);
    if (process.getuid?.() !== 0) {
      expect((await failureOf(recognise(path))).message).toContain("permission denied");
      return;
    }
    if (process.seteuid === undefined) context.skip("this system has no users");
    process.seteuid?.(65_534);
    try {
      const failure = await failureOf(recognise(path));
      expect(failure.code).toBe("FILE_UNREADABLE");
      expect(failure.message).toContain("permission denied");
    } finally {
      process.seteuid?.(0);
    }
  });

  it("is read when it is sparse: holes are zeros", async () => {
    const path = await file(tiny.tinySquashfs());
    await truncate(path, 1 << 30);
    expect(await recognise(path)).toMatchObject({ kind: "root", size: 1 << 30 });
  });
});

/** A tar header that promises more than follows. */
async function tarHeader(name: string, size: number, type = "0"): Promise<Buffer> {
  const [header] = [(await writeTar([{ name, mode: 0o644 }], 1)).subarray(0, 512)];
  header.write(size >= 8 ** 11 ? "" : `${size.toString(8).padStart(11, "0")} `, 124, "latin1");
  if (size >= 8 ** 11) {
    header.writeUInt32BE(0x80000000, 124);
    header.writeBigUInt64BE(BigInt(size), 128);
  }
  header.write(type, 156, "latin1");
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.from(header);
}

function mbr(): Buffer {
  const disk = Buffer.alloc(1 << 20);
  disk.writeUInt16BE(0x55aa, 510);
  return disk;
}

function iso(): Buffer {
  const image = Buffer.alloc(64 * 1024);
  image.write("CD001", 32_769, "latin1");
  return image;
}

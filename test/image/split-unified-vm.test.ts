import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { combinedHash } from "../../src/image/combined-hash.ts";
import { recognise } from "../../src/image/recognise.ts";
import { splitUnifiedVm } from "../../src/image/split-unified-vm.ts";
import { type NewMember, writeTar } from "../../src/image/write-tar.ts";
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

const disk: NewMember = { name: "rootfs.img", mode: 0o644, content: tiny.tinyQcow2({ salt: "disk" }) };
const template: NewMember = {
  name: "templates/hostname.tpl",
  mode: 0o600,
  content: Buffer.from("{{ name }}"),
};
const yaml: NewMember = {
  name: "metadata.yaml",
  mode: 0o644,
  content: Buffer.from(
    `${tiny.tinyMetadataYaml()}templates:\n  /etc/hostname:\n    when: [create]\n    template: hostname.tpl\n`,
  ),
};

async function split(members: readonly NewMember[], time = 1) {
  const chunks: Buffer[] = [];
  const sink = { write: async (bytes: Uint8Array) => void chunks.push(Buffer.from(bytes)) };
  const result = await splitUnifiedVm(await file(gzipSync(await writeTar(members, time))), sink);
  return { ...result, bytes: Buffer.concat(chunks) };
}

const sha256 = (...parts: readonly Uint8Array[]): string =>
  createHash("sha256").update(Buffer.concat(parts)).digest("hex");

describe("splitUnifiedVm", () => {
  it("takes the disk out as it is, and leaves everything else as a metadata tarball", async () => {
    const result = await split([yaml, template, disk]);
    expect(result.bytes.equals(tiny.tinyQcow2({ salt: "disk" }))).toBe(true);
    expect(result.disk).toEqual({
      sha256: sha256(result.bytes),
      size: result.bytes.length,
      virtualSize: 64 * 1024 * 1024,
    });
    const found = await recognise(await file(result.metadata));
    expect(found).toMatchObject({ kind: "metadata", metadata: { templates: ["hostname.tpl"] } });
    expect(result.fingerprint).toBe(sha256(result.metadata, result.bytes));
  });

  it("makes the same metadata tarball whatever the order, times and modes of the members were", async () => {
    const first = await split([yaml, template, disk], 1);
    const again = await split([{ name: "templates/", mode: 0o700 }, template, disk, yaml], 2_000_000);
    const folderless = await split([{ ...template, mode: 0o755 }, yaml, disk], 3_000_000);
    expect(folderless.metadata.equals(first.metadata)).toBe(true);
    expect(again.disk).toEqual(first.disk);
    // A folder of its own is one member more, and nothing else.
    expect(again.metadata.length).toBe(first.metadata.length + 512);
  });

  it("leaves the fingerprint to a second reading when metadata comes behind the disk", async () => {
    for (const members of [
      [disk, yaml, template],
      [yaml, disk, template],
    ]) {
      const result = await split(members);
      expect(result.fingerprint).toBeUndefined();
      const read = async (buffer: Uint8Array, position: number): Promise<number> =>
        result.bytes.copy(buffer, 0, position);
      const fingerprint = await combinedHash(result.metadata, { size: result.bytes.length, read });
      expect(fingerprint).toBe((await split([yaml, template, disk])).fingerprint);
    }
  });

  it("does not use a fingerprint computed too early", async () => {
    const extra: NewMember = { name: "notes.txt", mode: 0o644, content: Buffer.from("surprise") };
    expect((await split([yaml, template, disk, extra])).fingerprint).toBeUndefined();
  });

  it("unpacks with standard tools", async (context) => {
    needProgram(context, "tar");
    const { metadata } = await split([yaml, template, disk]);
    const listing = await through(metadata, "tar", "-tvzf", "-");
    const lines = listing.toString().trim().split("\n");
    expect(lines.map((line) => line.split(" ").at(-1))).toEqual(["metadata.yaml", "templates/hostname.tpl"]);
    expect(lines.every((line) => line.startsWith("-rw-r--r-- 0/0"))).toBe(true);
  });

  it("refuses archives that are no unified VM", async () => {
    const raw = { ...disk, content: Buffer.alloc(100_000, "raw") };
    const link = { name: "templates/link", mode: 0o777, linkTo: "/etc/passwd" };
    const large = { name: "large", mode: 0o644, content: Buffer.alloc(17 << 20) };
    for (const [members, code] of [
      [[yaml, template], "IMAGE_INVALID"],
      [[disk], "IMAGE_INVALID"],
      [[yaml, template, disk, disk], "IMAGE_INVALID"],
      [[yaml, link, disk], "IMAGE_INVALID"],
      [[yaml, template, disk, yaml], "IMAGE_INVALID"],
      [[yaml, template, raw], "FILE_UNSUPPORTED"],
      [[yaml, large, disk], "FILE_TOO_LARGE"],
      [[yaml, { ...disk, name: "../rootfs.img" }], "PATH_UNSAFE"],
    ] as const) {
      expect((await failureOf(split(members))).code).toBe(code);
    }
  });

  it("refuses a disk with a backing file before it is all unpacked", async () => {
    const backed = tiny.tinyQcow2();
    backed.writeBigUInt64BE(512n, 8);
    let written = 0;
    const sink = { write: async (bytes: Uint8Array) => void (written += bytes.length) };
    const content = Buffer.concat([backed, Buffer.alloc(8 << 20)]);
    const path = await file(gzipSync(await writeTar([yaml, { ...disk, content }], 1)));
    expect((await failureOf(splitUnifiedVm(path, sink))).code).toBe("FILE_UNSUPPORTED");
    expect(written).toBeLessThan(1 << 20);
  });

  it("refuses a file that is cut off behind its disk's header", async () => {
    const whole = gzipSync(await writeTar([yaml, template, disk], 1));
    const sink = { write: async () => undefined };
    const failure = await failureOf(splitUnifiedVm(await file(whole.subarray(0, -20)), sink));
    expect(failure.code).toBe("FILE_TRUNCATED");
  });
});

import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recognise } from "../../src/image/recognise.ts";
import { sampleImage } from "../../src/image/sample/sample-image.ts";
import { writeTar } from "../../src/image/write-tar.ts";
import { failureOf } from "./failure.ts";
import { needProgram, through } from "./programs.ts";
import * as tiny from "./tiny-image.ts";

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await tiny.temporaryFolder();
});
afterAll(async () => folder.remove());

let files = 0;
async function file(bytes: Uint8Array, name = "image.bin"): Promise<string> {
  const path = join(folder.path, `${++files}-${name}`);
  await writeFile(path, bytes);
  return path;
}

const compressions = [
  ["none", async (bytes: Buffer) => bytes, undefined],
  ["gzip", async (bytes: Buffer) => gzipSync(bytes), undefined],
  ["xz", async (bytes: Buffer) => through(bytes, "xz", "-c"), "xz"],
  ["lzma", async (bytes: Buffer) => through(bytes, "xz", "-c", "--format=lzma"), "xz"],
  ["zstd", async (bytes: Buffer) => through(bytes, "zstd", "-c"), "zstd"],
  ["bzip2", async (bytes: Buffer) => through(bytes, "bzip2", "-c"), "bzip2"],
] as const;

describe("recognise", () => {
  it.for(compressions)("tells the four tar archives apart when compressed as %s", async (row, context) => {
    const [compression, compress, program] = row;
    if (program !== undefined) needProgram(context, program);

    const metadata = await recognise(await file(await compress(await tiny.tinyMetadataTar())));
    expect(metadata).toMatchObject({ kind: "metadata", compression });
    const root = await recognise(await file(await compress(await tiny.tinyRootTar())));
    expect(root).toMatchObject({ kind: "root", format: "tar", compression });
    const container = await recognise(await file(await compress(await tiny.tinyUnifiedContainerTar())));
    expect(container).toMatchObject({ kind: "unified", type: "container", compression });
    const vm = await recognise(await file(await compress(await tiny.tinyUnifiedVmTar())));
    expect(vm).toMatchObject({ kind: "unified", type: "virtual-machine", virtualSize: 67_108_864 });
  });

  it("gives the metadata as it was read, with the kernel's name of the architecture", async () => {
    const path = await file(gzipSync(await tiny.tinyMetadataTar({ architecture: "amd64" })));
    const found = await recognise(path);
    if (found.kind !== "metadata") throw new Error(found.kind);
    expect(found.metadata.architecture).toBe("x86_64");
    expect(found.metadata.creationDate).toBe(tiny.TINY_CREATED);
    expect(found.metadata.properties.get("serial")).toBe("20261121_0304");
    expect(found.path).toBe(path);
    expect(found.identity.size).toBe(BigInt(found.size));
  });

  it("recognises a squashfs and a qcow2 by their bytes, whatever they are called", async () => {
    const squashfs = await recognise(await file(tiny.tinySquashfs(), "root.qcow2"));
    expect(squashfs).toMatchObject({ kind: "root", format: "squashfs", compression: "xz" });
    const disk = await recognise(await file(tiny.tinyQcow2({ virtualSize: 1 << 20 }), "disk.squashfs"));
    expect(disk).toMatchObject({ kind: "disk", format: "qcow2", virtualSize: 1 << 20 });
  });

  it("takes the sample image for a split container of both architectures", async () => {
    for (const architecture of ["x86_64", "aarch64"] as const) {
      const sample = await sampleImage(architecture);
      const metadata = await recognise(await file(sample.metadata));
      expect(metadata).toMatchObject({ kind: "metadata", metadata: { architecture } });
      expect(await recognise(await file(sample.root))).toMatchObject({ kind: "root", format: "tar" });
    }
  });

  it("reads names that begin with ./ as tar -C folder -c . writes them", async () => {
    const yaml = Buffer.from(tiny.tinyMetadataYaml());
    const metadata = [
      { name: "./", mode: 0o755 },
      { name: "./metadata.yaml", mode: 0o644, content: yaml },
    ];
    const root = tiny.tinyRootMembers("./");
    expect(await recognise(await file(await writeTar(metadata, 1)))).toMatchObject({ kind: "metadata" });
    expect(await recognise(await file(await writeTar(root, 1)))).toMatchObject({ kind: "root" });
  });

  it("finds metadata.yaml behind the root of a unified image", async () => {
    const yaml = { name: "metadata.yaml", mode: 0o644, content: Buffer.from(tiny.tinyMetadataYaml()) };
    const container = await writeTar([...tiny.tinyRootMembers("rootfs/"), yaml], 1);
    const disk = { name: "rootfs.img", mode: 0o644, content: tiny.tinyQcow2() };
    const vm = await writeTar([disk, yaml], 1);
    expect(await recognise(await file(gzipSync(container)))).toMatchObject({ type: "container" });
    expect(await recognise(await file(gzipSync(vm)))).toMatchObject({ type: "virtual-machine" });
  });

  it("recognises what debootstrap, tar, mksquashfs and qemu-img make", async (context) => {
    needProgram(context, "tar", "xz", "mksquashfs", "qemu-img");
    const root = join(folder.path, "tree");
    for (const name of ["bin", "etc", "usr/share/doc"]) await mkdir(join(root, name), { recursive: true });
    await writeFile(join(root, "etc/hostname"), "made\n");
    const made = join(folder.path, "made");
    const nothing = Buffer.alloc(0);
    await through(nothing, "tar", "-C", root, "-cJf", `${made}.tar.xz`, ".");
    await through(nothing, "mksquashfs", root, `${made}.squashfs`, "-quiet", "-no-progress", "-comp", "zstd");
    await through(nothing, "qemu-img", "create", "-q", "-f", "qcow2", `${made}.qcow2`, "3G");

    expect(await recognise(`${made}.tar.xz`)).toMatchObject({ kind: "root", compression: "xz" });
    const squashfs = await recognise(`${made}.squashfs`);
    expect(squashfs).toMatchObject({ format: "squashfs", compression: "zstd" });
    expect(await recognise(`${made}.qcow2`)).toMatchObject({ virtualSize: 3 * 1024 ** 3 });
  });

  it("follows a link that is given as an argument", async () => {
    const target = await file(tiny.tinySquashfs());
    const link = join(folder.path, "link");
    await symlink(target, link);
    expect(await recognise(link)).toMatchObject({ kind: "root", path: link });
  });

  it("reports progress up to the whole file, and stops when told to", async () => {
    const path = await file(gzipSync(Buffer.concat([await tiny.tinyRootTar(), Buffer.alloc(8 << 20)])));
    const seen: number[] = [];
    const found = await recognise(path, { onProgress: ({ done }) => seen.push(done) });
    expect(seen.at(-1)).toBe(found.size);
    await expect(recognise(path, { signal: AbortSignal.abort(new Error("stop")) })).rejects.toThrow("stop");
  });

  it("names what is in an archive that is no part of an image", async () => {
    const path = await file(await writeTar([{ name: "debian/etc/hostname", mode: 0o644 }], 1));
    const failure = await failureOf(recognise(path));
    expect(failure.code).toBe("IMAGE_INVALID");
    expect(failure.message).toContain(path);
    expect(failure.message).toContain("debian");
  });
});

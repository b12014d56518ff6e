import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { importTree } from "../../src/intake/files/import-tree.ts";
import { readStreams } from "../../src/publish/read-streams.ts";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { imageRows } from "../../src/views/image-rows.ts";
import {
  temporaryFolder,
  tinyMetadataTar,
  tinyQcow2,
  tinyRootTar,
  tinySquashfs,
  tinyUnifiedVmTar,
} from "../image/tiny-image.ts";
import { containerItems, sha256, type TreeItem, writeTreeIn } from "./write-tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let store: Store;

beforeEach(async () => {
  folder = await temporaryFolder();
  store = createMemoryStore();
});

afterEach(async () => {
  await folder.remove();
});

async function rows(of = store) {
  return imageRows(await readStreams(of, await of.newest()));
}

const ubuntu = {
  os: "ubuntu",
  release: "noble",
  version: "24.04",
  release_title: "24.04 LTS",
  arch: "amd64",
  aliases: "24.04,default,n,noble",
  supported: true,
  support_eol: "2029-05-31",
};

const INDEX = "streams/v1/index.json";

async function writeIndex(entries: Readonly<Record<string, object>>): Promise<void> {
  await writeFile(join(folder.path, INDEX), JSON.stringify({ index: entries }));
}

describe("a tree as cloud-images.ubuntu.com serves it", () => {
  /** Two disks of other bytes, two roots, and files that are no images. */
  async function cloudItems(): Promise<TreeItem[]> {
    const metadata = await tinyMetadataTar();
    const squashfs = tinySquashfs();
    const root = await tinyRootTar();
    const disk1 = tinyQcow2({ salt: "bios" });
    const uefi1 = tinyQcow2({ salt: "uefi" });
    const combined = (bytes: Buffer): string => sha256(Buffer.concat([metadata, bytes]));
    const more = {
      combined_sha256: combined(root),
      combined_rootxz_sha256: combined(root),
      combined_squashfs_sha256: combined(squashfs),
      "combined_disk1-img_sha256": combined(disk1),
      "combined_uefi1-img_sha256": combined(uefi1),
    };
    return [
      { ftype: "lxd.tar.xz", path: "server/noble-lxd.tar.xz", bytes: metadata, more },
      { ftype: "disk1.img", path: "server/noble-disk1.img", bytes: disk1 },
      { ftype: "uefi1.img", path: "server/noble-uefi1.img", bytes: uefi1 },
      { ftype: "squashfs", path: "server/noble.squashfs", bytes: squashfs },
      { ftype: "root.tar.xz", path: "server/noble-root.tar.xz", bytes: root },
      { ftype: "manifest", path: "server/noble.manifest", bytes: Buffer.from("adduser 3\n") },
      { ftype: "vmdk", path: "server/noble.vmdk", bytes: Buffer.from("KDMV") },
      { ftype: "squashfs.vcdiff", path: "server/noble.vcdiff", bytes: Buffer.from("delta") },
    ];
  }

  it("gives squashfs, tarball and the disk that clients prefer, with the fingerprints they had, and says what is left out", async () => {
    const items = await cloudItems();
    await writeTreeIn(folder.path, {
      "com.ubuntu.cloud:server:24.04:amd64": { fields: ubuntu, versions: { "20260101": items } },
    });
    const imported = await importTree(store, folder.path);
    expect(imported.skipped).toEqual([]);
    const { more } = items[0] ?? {};
    expect((await rows()).map((row) => [row.root, row.fingerprint, row.dialects])).toEqual(
      expect.arrayContaining([
        ["disk-kvm.img", more?.["combined_uefi1-img_sha256"], ["incus", "lxd"]],
        ["root.tar.xz", more?.combined_rootxz_sha256, ["incus", "lxd"]],
        ["squashfs", more?.combined_squashfs_sha256, ["incus", "lxd"]],
      ]),
    );
    expect(imported.listed[0]?.notes).toEqual([expect.stringContaining("noble-disk1.img")]);
    expect((await rows())[0]).toMatchObject({ product: "ubuntu:noble:default:amd64" });
    expect((await rows())[0]?.aliases).toEqual(expect.arrayContaining(["24.04", "default", "ubuntu/24.04"]));
  });

  it("reads a products file that several index entries name once, and passes over lists for clouds", async () => {
    const versions = { "20260101": await containerItems("a", "a") };
    await writeTreeIn(folder.path, { p: { fields: ubuntu, versions } });
    const entry = { datatype: "image-downloads", path: "streams/v1/images.json", products: ["p"] };
    const aws = { datatype: "image-ids", path: "streams/v1/aws.json", products: ["p"] };
    await writeIndex({ one: entry, two: { ...entry, path: "/streams/v1/images.json" }, aws });
    const imported = await importTree(store, folder.path);
    expect(imported.listed.map((one) => one.status)).toEqual(["added"]);
  });

  it("takes an item that is listed under two keys once, without a word", async () => {
    const items = await containerItems("a", "a");
    await writeTreeIn(folder.path, { p: { fields: ubuntu, versions: { "20260101": items } } });
    const file = join(folder.path, "streams/v1/images.json");
    const tree = JSON.parse(await readFile(file, "utf8")) as {
      products: { p: { versions: { "20260101": { items: Record<string, unknown> } } } };
    };
    const listed = tree.products.p.versions["20260101"].items;
    listed["again"] = listed["rootfs.squashfs"];
    await writeFile(file, JSON.stringify(tree));
    const imported = await importTree(store, folder.path);
    expect(imported.listed[0]?.notes).toEqual([]);
    expect(await rows()).toHaveLength(1);
  });
});

describe("a broken or hostile tree", () => {
  it.each([
    ["is outside of it", "../images.json", "PATH_UNSAFE"],
    ["is not there", "streams/v1/gone.json", "FILE_UNREADABLE"],
    ["is a folder", "streams/v1", "FILE_UNREADABLE"],
    ["is a FIFO", "streams/v1/fifo", "FILE_UNREADABLE"],
    ["is empty", "streams/v1/empty", "FILE_TRUNCATED"],
  ])("is refused when a products file %s", async (_what, path, code) => {
    await mkdir(join(folder.path, "streams/v1"), { recursive: true });
    execFileSync("mkfifo", [join(folder.path, "streams/v1/fifo")]);
    await writeFile(join(folder.path, "streams/v1/empty"), "");
    await writeIndex({ images: { datatype: "image-downloads", path, products: ["p"] } });
    await expect(importTree(store, folder.path)).rejects.toMatchObject({ code });
    expect(await store.newest()).toBeUndefined();
  });

  it("loses only the builds whose names would write to a terminal", async () => {
    await writeTreeIn(folder.path, {
      bad: {
        fields: { ...ubuntu, release_title: "24.04\u001b[2J" },
        versions: { "20260101": await containerItems("a", "a") },
      },
      good: {
        fields: { ...ubuntu, release: "jammy" },
        versions: { "20260101": await containerItems("b", "b") },
      },
    });
    const imported = await importTree(store, folder.path);
    expect(imported.skipped).toEqual([
      { product: "bad", version: "20260101", reason: expect.stringContaining("control character") },
    ]);
    expect((await rows()).map((row) => row.release)).toEqual(["jammy"]);
  });

  it("loses a unified virtual machine that is not the file it lists", async () => {
    const bytes = await tinyUnifiedVmTar();
    const item = {
      ftype: "incus_combined.tar.gz",
      path: "vm.tar",
      bytes,
      more: { combined_type: "virtual-machine" },
    };
    await writeTreeIn(folder.path, { p: { fields: ubuntu, versions: { "20260101": [item] } } });
    await writeFile(join(folder.path, "vm.tar"), await tinyUnifiedVmTar({ salt: "other" }));
    const imported = await importTree(store, folder.path);
    expect(imported.skipped).toEqual([
      { product: "p", version: "20260101", reason: expect.stringContaining("vm.tar") },
    ]);
  });

  it("says when the architecture is not the one in metadata.yaml", async () => {
    const versions = { "20260101": await containerItems("a", "a") };
    await writeTreeIn(folder.path, { p: { fields: { ...ubuntu, arch: "arm64" }, versions } });
    const imported = await importTree(store, folder.path);
    expect(imported.listed[0]?.notes).toEqual([expect.stringMatching(/arm64.*x86_64/)]);
  });

  it("leaves nothing behind when it is interrupted half way", async () => {
    const versions = Object.fromEntries(
      await Promise.all(
        Array.from({ length: 8 }, async (_, at) => [
          `2026010${at + 1}`,
          await containerItems(`${at}`, `${at}`),
        ]),
      ),
    ) as Record<string, TreeItem[]>;
    await writeTreeIn(folder.path, { p: { fields: ubuntu, versions } });
    const data = join(folder.path, "data");
    const onDisk = await openDirectoryStore(data, { create: true });
    const interrupt = new AbortController();
    const told: number[] = [];
    const onProgress = ({ done }: { done: number }): void => {
      told.push(done);
      if (told.length === 5) interrupt.abort();
    };
    await expect(
      importTree(onDisk, folder.path, { signal: interrupt.signal, onProgress }),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(await readdir(join(data, "incoming"))).toEqual([]);
    expect(await onDisk.newest()).toBeUndefined();
  });
});

describe("progress of a tree", () => {
  it("counts the bytes of the whole tree, up to the end, also past builds that are left out", async () => {
    const items = { a: await containerItems("a", "a"), b: await containerItems("b", "b") };
    await writeTreeIn(folder.path, {
      p: { fields: ubuntu, versions: { "20260101": items.a, "20260102": items.b } },
    });
    await rm(join(folder.path, "b/rootfs.squashfs"));
    const told: { path: string; done: number; total: number }[] = [];
    await importTree(store, folder.path, { onProgress: (progress) => told.push(progress) });
    const total = [...items.a, ...items.b].reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(new Set(told.map((one) => `${one.path} ${one.total}`))).toEqual(
      new Set([`${folder.path} ${total}`]),
    );
    expect(told.map((one) => one.done)).toEqual(told.map((one) => one.done).toSorted((a, b) => a - b));
    expect(told.at(-1)?.done).toBe(total);
  });
});

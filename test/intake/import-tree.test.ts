import { link, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { importTree } from "../../src/intake/files/import-tree.ts";
import { readStreams } from "../../src/publish/read-streams.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { imageRows } from "../../src/views/image-rows.ts";
import { temporaryFolder, writeTinyUnifiedVm } from "../image/tiny-image.ts";
import { containerItems, type TreeProducts, writeTreeIn } from "./write-tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let store: Store;

beforeEach(async () => {
  folder = await temporaryFolder();
  store = createMemoryStore();
});

afterEach(async () => {
  await folder.remove();
});

async function rows() {
  return imageRows(await readStreams(store, await store.newest()));
}

const debian = {
  os: "Debian",
  release: "bookworm",
  variant: "default",
  arch: "amd64",
  aliases: "debian/12,d",
};

function writeTree(products: TreeProducts): Promise<void> {
  return writeTreeIn(folder.path, products);
}

describe("importTree", () => {
  it("takes a whole tree in one generation, with two versions of a product and its aliases", async () => {
    await writeTree({
      "Debian:bookworm:default:amd64": {
        fields: debian,
        versions: {
          "20260101_07:42": await containerItems("images/a", "a"),
          "202601020800": await containerItems("images/b", "b"),
        },
      },
      "alpine:3.20:amd64:cloud": {
        fields: { os: "Alpine", release: "3.20", variant: "cloud", arch: "amd64", support_eol: "2027-01-01" },
        versions: { "20260101_0000": await containerItems("images/c", "c", "lxd.tar.xz") },
      },
    });
    const imported = await importTree(store, folder.path);
    expect(imported.skipped).toEqual([]);
    expect(imported.generation?.number).toBe(1);
    expect((await rows()).map((row) => [row.product, row.version, row.dialects])).toEqual([
      ["debian:bookworm:default:amd64", "20260102_0800", ["incus", "lxd"]],
      ["debian:bookworm:default:amd64", "20260101_0742", ["incus", "lxd"]],
      ["alpine:3.20:cloud:amd64", "20260101_0000", expect.arrayContaining(["incus", "lxd"])],
    ]);
    expect((await rows())[0]?.aliases).toEqual(expect.arrayContaining(["d", "debian/12", "debian/bookworm"]));
    const [stream] = await readStreams(store, await store.newest());
    expect(stream?.products.products.get("alpine:3.20:cloud:amd64")?.support_eol).toBe("2027-01-01");
  });

  it("changes nothing when the same tree is taken again", async () => {
    const versions = {
      "20260101_0000": await containerItems("images/a", "a"),
      "20260102_0000": await containerItems("images/b", "b"),
    };
    await writeTree({ p: { fields: debian, versions } });
    await importTree(store, folder.path);
    const again = await importTree(store, folder.path);
    expect(again.generation).toBeUndefined();
    expect(again.listed.map((build) => build.status)).toEqual(["unchanged", "unchanged"]);
  });

  it("leaves out a build whose bytes are not what the tree says, and takes the rest", async () => {
    const good = await containerItems("images/a", "a");
    const bad = await containerItems("images/b", "b");
    await writeTree({ p: { fields: debian, versions: { "20260101_0000": good, "20260102_0000": bad } } });
    const changed = await containerItems("images/x", "x");
    await writeFile(join(folder.path, "images/b/rootfs.squashfs"), changed[1]?.bytes ?? "");
    const imported = await importTree(store, folder.path);
    expect(imported.skipped).toEqual([
      {
        product: "p",
        version: "20260102_0000",
        reason: expect.stringMatching(/images\/b\/rootfs.squashfs.*SHA-256/),
      },
    ]);
    expect((await rows()).map((row) => row.version)).toEqual(["20260101_0000"]);
  });

  it("leaves out a file behind a link that leaves the tree, and follows one that stays inside", async () => {
    const outside = await temporaryFolder();
    const items = await containerItems("images/a", "a");
    const other = await containerItems("images/b", "b");
    await writeTree({ p: { fields: debian, versions: { "20260101_0000": items, "20260102_0000": other } } });
    await link(join(folder.path, "images/a/rootfs.squashfs"), join(outside.path, "rootfs.squashfs"));
    await rm(join(folder.path, "images/a/rootfs.squashfs"));
    await symlink(join(outside.path, "rootfs.squashfs"), join(folder.path, "images/a/rootfs.squashfs"));
    await mkdir(join(folder.path, "pool"));
    await link(join(folder.path, "images/b/rootfs.squashfs"), join(folder.path, "pool/r"));
    await rm(join(folder.path, "images/b/rootfs.squashfs"));
    await symlink("../../pool/r", join(folder.path, "images/b/rootfs.squashfs"));
    const imported = await importTree(store, folder.path);
    await outside.remove();
    expect(imported.skipped).toEqual([
      { product: "p", version: "20260101_0000", reason: expect.stringContaining("a link that leaves") },
    ]);
    expect((await rows()).map((row) => row.version)).toEqual(["20260102_0000"]);
  });

  it.each(["../../etc/passwd", "/etc/passwd", "a//b", "http://host/x", "a%2fb"])(
    "leaves out an item whose path is %s",
    async (path) => {
      const items = await containerItems("images/a", "a");
      await writeTree({ p: { fields: debian, versions: { "20260101_0000": items } } });
      const file = join(folder.path, "streams/v1/images.json");
      await writeFile(file, (await readFile(file, "utf8")).replaceAll("images/a/rootfs.squashfs", path));
      expect((await importTree(store, folder.path)).skipped).toHaveLength(1);
      expect(await store.newest()).toBeUndefined();
    },
  );

  it("leaves out versions that clients ignore, architectures nobody knows, and versions without an image", async () => {
    await writeTree({
      a: { fields: debian, versions: { v1: await containerItems("images/a", "a") } },
      b: {
        fields: { ...debian, arch: "AMD64" },
        versions: { "20260101_0000": await containerItems("images/b", "b") },
      },
      c: { fields: debian, versions: { "20260101_0000": (await containerItems("images/c", "c")).slice(1) } },
    });
    expect((await importTree(store, folder.path)).skipped.map((one) => one.product)).toEqual(["a", "b", "c"]);
  });

  it("lists bytes that the tree has twice only once, under the newer version", async () => {
    const items = await containerItems("images/a", "a");
    await writeTree({ p: { fields: debian, versions: { "20260101_0000": items, "20260102_0000": items } } });
    await importTree(store, folder.path);
    expect((await rows()).map((row) => row.version)).toEqual(["20260102_0000"]);
  });

  it("splits a unified virtual machine of the tree", async () => {
    const source = await temporaryFolder();
    const bytes = await readFile(await writeTinyUnifiedVm(source.path));
    await source.remove();
    const item = {
      ftype: "incus_combined.tar.gz",
      path: "images/vm.tar.gz",
      bytes,
      more: { combined_type: "virtual-machine" },
    };
    await writeTree({ p: { fields: debian, versions: { "20260101_0000": [item] } } });
    const imported = await importTree(store, folder.path);
    expect(imported.listed[0]?.notes.join(" ")).toContain("its fingerprint is a new one");
    expect((await rows())[0]).toMatchObject({ type: "virtual-machine", root: "disk-kvm.img" });
  });

  it("says where a document has a value that would make clients refuse all of it", async () => {
    await writeTree({ p: { fields: { ...debian, requirements: { secureboot: false } }, versions: {} } });
    await expect(importTree(store, folder.path)).rejects.toMatchObject({
      code: "DOCUMENT_INVALID",
      message: expect.stringContaining("secureboot"),
    });
  });

  it("is not misled by products called __proto__ or constructor", async () => {
    await writeTree({
      ["__proto__"]: { fields: debian, versions: { "20260101_0000": await containerItems("images/a", "a") } },
      constructor: {
        fields: { ...debian, release: "trixie", aliases: "" },
        versions: { "20260101_0000": await containerItems("images/b", "b") },
      },
    });
    expect((await importTree(store, folder.path)).skipped).toEqual([]);
    expect(await rows()).toHaveLength(2);
  });
});

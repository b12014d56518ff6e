import { createHash } from "node:crypto";
import { readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addFiles } from "../../src/intake/files/add-files.ts";
import { readStreams } from "../../src/publish/read-streams.ts";
import { itemsOf } from "../../src/store/items.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { imageRows } from "../../src/views/image-rows.ts";
import {
  temporaryFolder,
  writeTinyContainer,
  writeTinyUnifiedContainer,
  writeTinyUnifiedVm,
  writeTinyVm,
} from "../image/tiny-image.ts";

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

async function bytesAt(path: string): Promise<Buffer> {
  const generation = await store.newest();
  if (generation === undefined) throw new TypeError("the store is empty");
  const item = (await itemsOf(store, generation)).get(path);
  const reader = item === undefined ? undefined : await store.open(item.sha256);
  if (reader === undefined) throw new TypeError(`${path} is not held`);
  const bytes = Buffer.alloc(reader.size);
  await reader.read(bytes, 0);
  await reader.close();
  return bytes;
}

describe("addFiles", () => {
  it("lists a container under the hash of metadata followed by root, with the bytes that were given", async () => {
    const { metadata, root } = await writeTinyContainer(folder.path);
    await addFiles(store, [root, metadata], {});
    const [image] = await rows();
    const bytes = Buffer.concat([await readFile(metadata), await readFile(root)]);
    expect(image?.fingerprint).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(image).toMatchObject({
      type: "container",
      root: "squashfs",
      dialects: ["incus", "lxd"],
      arch: "amd64",
    });
    expect(image?.files.map((file) => file.ftype)).toEqual(["incus.tar.xz", "squashfs"]);
    for (const [file, source] of [
      [image?.files[0], metadata],
      [image?.files[1], root],
    ] as const) {
      expect(await bytesAt(`images/${file?.path ?? ""}`)).toEqual(await readFile(source));
    }
  });

  it("lists a container and a virtual machine of one build in one version", async () => {
    const container = await writeTinyContainer(folder.path);
    const vm = await writeTinyVm(folder.path);
    await addFiles(store, [container.metadata, container.root, vm.disk], {});
    expect((await rows()).map((row) => [row.type, row.version])).toEqual([
      ["container", expect.any(String)],
      ["virtual-machine", expect.any(String)],
    ]);
  });

  it("lists a unified container under its own hash, for both dialects", async () => {
    const path = await writeTinyUnifiedContainer(folder.path);
    await addFiles(store, [path], {});
    const [image] = await rows();
    expect(image?.fingerprint).toBe(
      createHash("sha256")
        .update(await readFile(path))
        .digest("hex"),
    );
    expect(image).toMatchObject({ type: "container", root: "unified", dialects: ["incus", "lxd"] });
  });

  it("splits a unified virtual machine and says that its fingerprint is a new one", async () => {
    const added = await addFiles(store, [await writeTinyUnifiedVm(folder.path)], {});
    const [image] = await rows();
    expect(image).toMatchObject({
      type: "virtual-machine",
      root: "disk-kvm.img",
      dialects: ["incus", "lxd"],
    });
    const parts = await Promise.all((image?.files ?? []).map((file) => bytesAt(`images/${file.path}`)));
    expect(image?.fingerprint).toBe(createHash("sha256").update(Buffer.concat(parts)).digest("hex"));
    expect(added.notes.join(" ")).toContain("its fingerprint is a new one");
  });

  it("takes a folder as distrobuilder leaves it and names what it passed over", async () => {
    await writeTinyContainer(folder.path);
    await writeFile(join(folder.path, "SHA256SUMS"), "x");
    await writeFile(join(folder.path, "image.yaml"), "x: 1");
    const added = await addFiles(store, [folder.path], {});
    expect(added.ignored).toEqual(["SHA256SUMS", "image.yaml"]);
    expect(await rows()).toHaveLength(1);
  });

  it("follows a link that is given as an argument", async () => {
    const { metadata, root } = await writeTinyContainer(folder.path);
    const link = join(folder.path, "link");
    await symlink(root, link);
    await addFiles(store, [metadata, link], {});
    expect(await rows()).toHaveLength(1);
  });

  it("publishes nothing for bytes that are the newest already", async () => {
    const { metadata, root } = await writeTinyContainer(folder.path);
    await addFiles(store, [metadata, root], {});
    const again = await addFiles(store, [metadata, root], {});
    expect(again.generation).toBeUndefined();
    expect((await store.newest())?.number).toBe(1);
  });

  it("changes nothing on a dry run, and knows the fingerprint all the same", async () => {
    const { metadata, root } = await writeTinyContainer(folder.path);
    const dry = await addFiles(store, [metadata, root], {}, { dryRun: true });
    expect(await store.newest()).toBeUndefined();
    const real = await addFiles(store, [metadata, root], {});
    expect(dry.listed.fingerprints).toEqual(real.listed.fingerprints);
  });

  it("asks for the names that neither metadata nor the caller gives", async () => {
    const { metadata, root } = await writeTinyContainer(folder.path, { properties: { os: undefined } });
    await expect(addFiles(store, [metadata, root], {})).rejects.toMatchObject({
      code: "METADATA_INVALID",
      hint: expect.stringContaining("--os"),
    });
    await addFiles(store, [metadata, root], { os: "Ours" });
    expect((await rows())[0]?.os).toBe("Ours");
  });

  it.each([
    ["a root without metadata", async () => [(await writeTinyContainer(folder.path)).root]],
    ["metadata without a root", async () => [(await writeTinyContainer(folder.path)).metadata]],
    [
      "two images at once",
      async () => [
        await writeTinyUnifiedContainer(folder.path),
        ...Object.values(await writeTinyContainer(folder.path)),
      ],
    ],
  ])("refuses %s and leaves the store as it was", async (_what, paths) => {
    await expect(addFiles(store, await paths(), {})).rejects.toMatchObject({ code: "IMAGE_INVALID" });
    expect(await store.newest()).toBeUndefined();
    expect((await store.liveBlobs()).size).toBe(0);
  });

  it("refuses a truncated root and leaves the store as it was", async () => {
    const { metadata, root } = await writeTinyContainer(folder.path);
    await truncate(root, 1000);
    await expect(addFiles(store, [metadata, root], {})).rejects.toMatchObject({ code: "FILE_TRUNCATED" });
    expect(await store.newest()).toBeUndefined();
  });

  it("names a file that is not there", async () => {
    const { metadata, root } = await writeTinyContainer(folder.path);
    await rm(root);
    await expect(addFiles(store, [metadata, root], {})).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      message: expect.stringContaining(root),
    });
  });

  it("loses nothing when several add at once", async () => {
    const builds = await Promise.all(
      ["one", "two", "three", "four", "five"].map(async (salt) => {
        const own = await temporaryFolder();
        const { metadata, root } = await writeTinyContainer(own.path, { salt });
        return { own, paths: [metadata, root] };
      }),
    );
    await Promise.all(builds.map((build) => addFiles(store, build.paths, {})));
    await Promise.all(builds.map((build) => build.own.remove()));
    const listed = await rows();
    expect(new Set(listed.map((row) => row.fingerprint)).size).toBe(5);
    expect(new Set(listed.map((row) => row.version)).size).toBe(5);
  });
});

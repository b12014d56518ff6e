import { execFileSync } from "node:child_process";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addFiles } from "../../src/intake/files/add-files.ts";
import { nameBuild } from "../../src/intake/files/name-build.ts";
import { readStreams } from "../../src/publish/read-streams.ts";
import { writeTar } from "../../src/image/write-tar.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { imageRows } from "../../src/views/image-rows.ts";
import {
  temporaryFolder,
  tinyMetadataTar,
  tinyRootTar,
  writeTinyContainer,
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

describe("a folder as distrobuilder leaves it", () => {
  it("gives container, tarball and disk of one build, past deltas and LXC's own metadata", async () => {
    await writeTinyContainer(folder.path);
    await writeTinyVm(folder.path);
    await writeFile(join(folder.path, "rootfs.tar.xz"), await tinyRootTar());
    const lxc = await writeTar(
      [{ name: "config", mode: 0o644, content: Buffer.from("lxc.arch = amd64\n") }],
      1,
    );
    await writeFile(join(folder.path, "meta.tar.xz"), lxc);
    await writeFile(join(folder.path, "rootfs.squashfs.vcdiff"), "delta");
    await mkdir(join(folder.path, "logs.img"));
    const added = await addFiles(store, [folder.path], {});
    expect(added.ignored).toEqual(["logs.img", "meta.tar.xz", "rootfs.squashfs.vcdiff"]);
    expect((await rows()).map((row) => row.root).toSorted()).toEqual([
      "disk-kvm.img",
      "root.tar.xz",
      "squashfs",
    ]);
  });

  it("is taken with lxd.tar.xz alone, and is listed for both families", async () => {
    const { metadata } = await writeTinyContainer(folder.path);
    await rename(metadata, join(folder.path, "lxd.tar.xz"));
    await addFiles(store, [folder.path], {});
    expect((await rows())[0]?.dialects).toEqual(["incus", "lxd"]);
  });

  it("names lxd.tar.xz as passed over when incus.tar.xz is there too", async () => {
    await writeTinyContainer(folder.path);
    await writeFile(join(folder.path, "lxd.tar.xz"), await tinyMetadataTar({ salt: "lxd" }));
    expect((await addFiles(store, [folder.path], {})).ignored).toEqual(["lxd.tar.xz"]);
  });

  it("is refused when a link in it leads out, and taken when it stays inside", async () => {
    const { root } = await writeTinyContainer(folder.path);
    const outside = await temporaryFolder();
    await rename(root, join(outside.path, "secret"));
    await symlink(join(outside.path, "secret"), root);
    await expect(addFiles(store, [folder.path], {})).rejects.toMatchObject({ code: "PATH_UNSAFE" });
    await rename(join(outside.path, "secret"), join(folder.path, "data"));
    await outside.remove();
    await expect(addFiles(store, [folder.path], {})).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
    execFileSync("ln", ["-sfn", "data", root]);
    await addFiles(store, [folder.path], {});
    expect(await rows()).toHaveLength(1);
  });
});

describe("names", () => {
  const metadata = {
    architecture: "x86_64",
    creationDate: 1_767_225_600,
    properties: new Map([
      ["os", "Debian"],
      ["release", "12"],
    ]),
    templates: [],
  };

  it.each([
    ["os", { os: "De\u001b[31mbian" }],
    ["release", { release: "12\n13" }],
    ["variant", { variant: "\u202Ednuolc" }],
    ["label", { label: "te\u0007st" }],
    ["release title", { releaseTitle: "x".repeat(300) }],
    ["requirement", { requirements: { secureboot: "fal\u0000se" } }],
    ["requirement", { requirements: { "secure\u009bboot": "false" } }],
  ])("are refused when the %s could do something to a terminal or is endless", (field, wishes) => {
    expect(() => nameBuild("file", metadata, wishes)).toThrowError(
      expect.objectContaining({ code: "NAME_INVALID", message: expect.stringContaining(field) }),
    );
  });

  it("are looked at before anything is copied", async () => {
    const { metadata, root } = await writeTinyContainer(folder.path);
    const read: string[] = [];
    const options = { onProgress: ({ path }: { path: string }) => read.push(path) };
    await expect(addFiles(store, [metadata, root], { aliases: ["a,b"] }, options)).rejects.toMatchObject({
      code: "NAME_INVALID",
    });
    expect(read).not.toContain(root);
  });

  it("may be of any script, or of punctuation alone, and may look like HTML", async () => {
    const { metadata, root } = await writeTinyContainer(folder.path);
    await addFiles(store, [metadata, root], { os: "!?", release: "日本", variant: "<b>" });
    expect((await rows())[0]).toMatchObject({
      os: "!?",
      release: "日本",
      variant: "<b>",
      product: expect.stringMatching(/^u21-3f:/),
    });
  });

  it("are said to differ when --arch is not what metadata.yaml says", async () => {
    const { metadata, root } = await writeTinyContainer(folder.path);
    const notes = async (arch: string): Promise<string> =>
      (await addFiles(store, [metadata, root], { arch }, { dryRun: true })).notes.join(" ");
    expect(await notes("arm64")).toMatch(/arm64.*x86_64/);
    expect(await notes("x86_64")).toBe("");
  });
});

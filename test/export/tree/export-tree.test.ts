import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, type TestContext } from "vitest";
import { openBlobFiles, openStore } from "../../../src/compose.ts";
import type { ExportOptions } from "../../../src/export/tree/export-options.ts";
import { type ExportReport, exportTree, tryExport } from "../../../src/export/tree/export-tree.ts";
import { withTreeLock } from "../../../src/export/tree/lock.ts";
import { Target } from "../../../src/export/tree/target.ts";
import { codeOf } from "../../contract/store.ts";
import { type Site, temporarySite } from "../../cli/site.ts";
import { smallDisk } from "./small-disk.ts";
import { filesIn, listedIn, wrongCopies, wrongFiles } from "./walk-tree.ts";

const HOUR = 3_600_000;
const GRACE = 24 * HOUR;

let site: Site;
let www: string;
/** What the clock says. */
let now: number;

beforeEach(async () => {
  site = await temporarySite();
  www = join(site.folder, "www");
  now = Date.parse("2026-11-25T12:00:00Z");
  await addImage("a");
});
afterEach(() => site.remove());

async function addImage(salt: string, ...options: readonly string[]): Promise<void> {
  await site.json("add", ...(await site.files(salt)), ...options);
}

function optionsWith(options: Partial<ExportOptions> & { readonly folder?: string }) {
  return {
    folder: www,
    graceMs: GRACE,
    link: "auto" as const,
    force: false,
    signal: undefined,
    now: () => now,
    ...options,
  };
}

async function exported(
  options: Partial<ExportOptions> & { readonly folder?: string } = {},
): Promise<ExportReport> {
  return exportTree(await openStore(site.data), openBlobFiles(site.data), optionsWith(options));
}

async function read(path: string): Promise<string> {
  return readFileSync(join(www, path), "utf8");
}

/** The path of a listed root. */
async function rootIn(products = "tiny"): Promise<string> {
  const listed = await listedIn(www);
  const root = listed.find(({ path }) => path.includes(products) && path.endsWith(".squashfs"));
  return root?.path ?? "";
}

describe("a tree", () => {
  it("has every document and every file that one names, compressed copies, and sums for people", async () => {
    const report = await exported();
    expect(report).toMatchObject({ generation: 1, listed: { files: 2 }, come: { files: 2 }, notHeld: [] });
    expect(await wrongFiles(www)).toEqual([]);
    expect(await wrongFiles(join(www, "images"))).toEqual([]);
    expect(await wrongCopies(www)).toEqual([]);
    const folder = join(www, await rootIn(), "..");
    execFileSync("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: folder });
    expect((await readdir(folder)).filter((name) => name !== "SHA256SUMS")).toHaveLength(2);
    expect(await filesIn(www)).toHaveLength(2 + 1 + 8);
  });

  it("can be read by everybody, whatever the umask", async () => {
    const before = process.umask(0o077);
    try {
      await exported();
    } finally {
      process.umask(before);
    }
    expect(statSync(join(www, await rootIn())).mode & 0o777).toBe(0o644);
    expect(statSync(join(www, "streams")).mode & 0o777).toBe(0o755);
    expect(statSync(join(www, "streams/v1/index.json")).mode & 0o777).toBe(0o644);
  });

  it("is not touched when it is so already", async () => {
    await exported();
    const times = async () =>
      (await filesIn(www)).map((path) => statSync(join(www, path), { bigint: true }).ctimeNs);
    const before = await times();
    const noted = statSync(join(www, ".headwater-export/tree.json")).ino;
    expect(await exported()).toMatchObject({ come: { files: 0 }, written: { files: 0 }, copiedBytes: 0 });
    expect(await times()).toEqual(before);
    expect(statSync(join(www, ".headwater-export/tree.json")).ino).toBe(noted);
  });

  it("gets only what is new", async () => {
    await exported();
    const root = await rootIn();
    const inode = statSync(join(www, root)).ino;
    await addImage("b", "--os", "other");
    expect(await exported()).toMatchObject({ listed: { files: 4 }, come: { files: 2 } });
    expect(statSync(join(www, root)).ino).toBe(inode);
    expect(await wrongFiles(www)).toEqual([]);
  });

  it("of one image stream has its root at the top", async () => {
    await exported({ stream: "images" });
    expect(await wrongFiles(www)).toEqual([]);
    expect(await read("streams/v1/images.json")).not.toContain('"images/tiny');
    expect(existsSync(join(www, "images"))).toBe(false);
  });

  it("of an older generation is what was listed then", async () => {
    await addImage("b", "--os", "other");
    expect(await exported({ generation: "1" })).toMatchObject({ generation: 1, listed: { files: 2 } });
    expect(await wrongFiles(www)).toEqual([]);
    expect(await codeOf(exported({ generation: "9" }))).toBe("NOT_FOUND");
    expect(await codeOf(exported({ generation: "2020-01-01" }))).toBe("NOT_FOUND");
    expect(await codeOf(exported({ generation: "latest" }))).toBe("USAGE");
    await site.json("prune", "--grace", "0");
    expect(await codeOf(exported({ generation: "1" }))).toBe("GENERATION_GONE");
    expect(await codeOf(exported({ stream: "elsewhere" }))).toBe("NOT_FOUND");
  });

  it("is not made of a store that lists nothing, and is emptied when its store no longer does", async () => {
    const [image] = (await site.json("list")) as { fingerprint: string }[];
    await exported();
    await site.json("remove", image?.fingerprint ?? "");
    const elsewhere = join(site.folder, "elsewhere");
    expect(await codeOf(exported({ folder: elsewhere }))).toBe("NOT_FOUND");
    expect(await exported()).toMatchObject({ listed: { files: 0 } });
    expect(existsSync(join(www, "streams/v1/index.json"))).toBe(false);
    now += GRACE;
    await exported();
    expect(await filesIn(www)).toEqual([]);
  });
});

describe("what left the lists", () => {
  it("stays for the grace period, counted from when the new index was there, and then goes with its folders", async () => {
    await addImage("b", "--os", "other");
    await exported();
    const gone = await rootIn("other");
    await site.json("remove", "other/1");
    now += 5 * HOUR;
    expect(await exported()).toMatchObject({ leaving: { files: 3 }, removed: { files: 0 } });
    now += GRACE - 1;
    expect(await exported()).toMatchObject({ leaving: { files: 3 } });
    expect(existsSync(join(www, gone))).toBe(true);
    now += 1;
    expect(await exported()).toMatchObject({ leaving: { files: 0 }, removed: { files: 3 } });
    expect(existsSync(join(www, "images/other"))).toBe(false);
    expect(await wrongFiles(www)).toEqual([]);
  });

  it("goes at once without a grace", async () => {
    await addImage("b", "--os", "other");
    await exported();
    await site.json("remove", "other/1");
    expect(await exported({ graceMs: 0 })).toMatchObject({ removed: { files: 3 } });
  });

  it("stays when it is listed again, and its grace begins anew when it leaves again", async () => {
    await addImage("b", "--os", "other");
    await exported();
    await exported({ generation: "1" });
    now += GRACE - 1;
    await exported();
    now += 2;
    expect(await exported({ generation: "1" })).toMatchObject({
      leaving: { files: 3 },
      removed: { files: 0 },
    });
    await exported();
    expect(await wrongFiles(www)).toEqual([]);
  });

  it("does not go early because the clock was ahead when it left", async () => {
    await addImage("b", "--os", "other");
    await exported();
    now += 400 * 24 * HOUR;
    await exported({ generation: "1" });
    now -= 400 * 24 * HOUR;
    expect(await exported({ generation: "1" })).toMatchObject({ leaving: { files: 3 } });
    now += GRACE - 1;
    expect(await exported({ generation: "1" })).toMatchObject({ leaving: { files: 3 } });
  });

  it("is never a file of somebody else", async () => {
    await exported();
    writeFileSync(join(www, "robots.txt"), "mine");
    writeFileSync(join(www, "images/mine"), "mine");
    await site.json("remove", "tiny/1");
    await exported({ graceMs: 0 });
    expect(await filesIn(www)).toEqual(["images/mine", "robots.txt"]);
  });
});

describe("a file of the tree that somebody changed", () => {
  it("is mended, though its size is what it was, and its time is nearly", async () => {
    await exported();
    const root = await rootIn();
    const place = join(www, root);
    const { mtime, atime } = statSync(place);
    const bytes = readFileSync(place);
    bytes.writeUInt8(bytes.readUInt8(50) ^ 1, 50);
    writeFileSync(place, bytes);
    expect(await exported()).toMatchObject({ come: { files: 1 } });
    expect(await wrongFiles(www)).toEqual([]);
    // Given back its time to the last digit that can be set, it is read again.
    writeFileSync(place, bytes);
    utimesSync(place, atime, new Date(mtime.getTime() + 1));
    expect(await exported()).toMatchObject({ come: { files: 1 } });
    expect(await wrongFiles(www)).toEqual([]);
  });

  it("is put back when it is gone, and not written again when only its time is another one", async () => {
    await exported();
    const root = await rootIn();
    await rm(join(www, root));
    await rm(join(www, "streams/v1/index.json.gz"));
    expect(await exported()).toMatchObject({ come: { files: 1 }, written: { files: 1 } });
    utimesSync(join(www, root), new Date(0), new Date(0));
    expect(await exported()).toMatchObject({ come: { files: 0 } });
    expect(await wrongFiles(www)).toEqual([]);
  });
});

describe("a file of the tree whose disk forgot", () => {
  it("is mended when every file is to be read, and not rewritten otherwise", async () => {
    await exported();
    const place = join(www, await rootIn());
    const { mtimeNs } = statSync(place, { bigint: true });
    const bytes = readFileSync(place);
    bytes.writeUInt8(bytes.readUInt8(50) ^ 1, 50);
    writeFileSync(place, bytes);
    execFileSync("touch", [
      "--date",
      `@${mtimeNs / 1_000_000_000n}.${String(mtimeNs % 1_000_000_000n).padStart(9, "0")}`,
      place,
    ]);
    expect(await exported()).toMatchObject({ come: { files: 0 } });
    expect(await exported({ readsAll: true })).toMatchObject({ come: { files: 1 }, written: { files: 0 } });
    expect(await wrongFiles(www)).toEqual([]);
  });
});

describe("files come", () => {
  it("as hard links when that is asked for, and otherwise never", async () => {
    const [image] = (await site.json("list")) as { files: { sha256: string; path: string }[] }[];
    const { sha256 = "", path = "" } = image?.files.at(-1) ?? {};
    const blob = statSync(join(site.data, "blobs", sha256.slice(0, 2), sha256)).ino;
    expect(await exported({ link: "hard" })).toMatchObject({ sharedFiles: 2, copiedBytes: 0 });
    expect(statSync(join(www, "images", path)).ino).toBe(blob);
    const copy = join(site.folder, "copy");
    expect(await exported({ folder: copy, link: "copy" })).toMatchObject({ sharedFiles: 0 });
    expect(statSync(join(copy, "images", path)).ino).not.toBe(blob);
    const auto = join(site.folder, "auto");
    await exported({ folder: auto });
    expect(statSync(join(auto, "images", path)).ino).not.toBe(blob);
  });

  it("only when their bytes are those that their name says, and the lists stay as they were", async () => {
    await exported();
    const before = await read("streams/v1/index.json");
    await addImage("b", "--os", "other");
    const [image] = (await site.json("list", "other")) as { files: { sha256: string }[] }[];
    const sha256 = image?.files.at(-1)?.sha256 ?? "";
    const blob = join(site.data, "blobs", sha256.slice(0, 2), sha256);
    const bytes = readFileSync(blob);
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    writeFileSync(blob, bytes);
    expect(await codeOf(exported({ link: "copy" }))).toBe("BLOB_MISMATCH");
    writeFileSync(blob, bytes.subarray(0, 200));
    expect(await codeOf(exported({ link: "hard" }))).toBe("BLOB_MISMATCH");
    await rm(blob);
    expect(await codeOf(exported())).toBe("BLOB_MISSING");
    expect(await read("streams/v1/index.json")).toBe(before);
    expect(await wrongFiles(www)).toEqual([]);
    expect(await readdir(join(www, ".headwater-export/new"))).toEqual([]);
  });
});

describe("a folder", () => {
  it("with files of others is refused; with force they stay, but for what is in the way", async () => {
    await mkdir(join(www, "streams/v1"), { recursive: true });
    writeFileSync(join(www, "index.html"), "mine");
    writeFileSync(join(www, "streams/v1/index.json"), "{}");
    expect(await codeOf(exported())).toBe("TARGET_UNUSABLE");
    expect(await filesIn(www)).toEqual(["index.html", "streams/v1/index.json"]);
    await exported({ force: true });
    expect(await wrongFiles(www)).toEqual([]);
    expect(await read("index.html")).toBe("mine");
    await exported();
  });

  it("that is a tree, with a file of somebody else where one belongs, is refused before anything is written", async () => {
    await exported();
    await addImage("b", "--os", "other");
    await mkdir(join(www, "images/other/1/amd64/default/20261121_0304"), { recursive: true });
    writeFileSync(join(www, "images/other/1/amd64/default/20261121_0304/SHA256SUMS"), "mine");
    const before = await filesIn(www);
    expect(await codeOf(exported())).toBe("TARGET_UNUSABLE");
    expect(await filesIn(www)).toEqual(before);
    await exported({ force: true });
    expect(await wrongFiles(www)).toEqual([]);
  });

  it("that overlaps the store is refused", async () => {
    for (const folder of [site.data, join(site.data, "www"), site.folder, join(site.data, "blobs/ab")])
      expect(await codeOf(exported({ folder, force: true })), folder).toBe("TARGET_UNUSABLE");
    symlinkSync(site.data, join(site.folder, "link"));
    expect(await codeOf(exported({ folder: join(site.folder, "link/www") }))).toBe("TARGET_UNUSABLE");
  });

  it("that is the tree of another store or image stream is refused, and taken over with force", async () => {
    await exported();
    expect(await codeOf(exported({ stream: "images" }))).toBe("TARGET_UNUSABLE");
    const other = await temporarySite();
    try {
      await other.json("add", ...(await other.files("z")));
      const store = await openStore(other.data);
      expect(await codeOf(exportTree(store, openBlobFiles(other.data), optionsWith({})))).toBe(
        "TARGET_UNUSABLE",
      );
    } finally {
      await other.remove();
    }
    await exported({ stream: "images", force: true });
    expect(await wrongFiles(www)).toEqual([]);
    now += GRACE;
    await exported({ stream: "images" });
    expect(existsSync(join(www, "images"))).toBe(false);
  });

  it("may itself be a link; links inside are not followed, and one in the place of a file is replaced", async () => {
    const real = join(site.folder, "real");
    const outside = join(site.folder, "outside");
    await mkdir(real);
    await mkdir(outside);
    symlinkSync(real, www);
    symlinkSync(outside, join(real, "images"));
    expect(await codeOf(exported({ force: true }))).toBe("TARGET_UNUSABLE");
    expect(await readdir(outside)).toEqual([]);
    await rm(join(real, "images"));
    await exported({ force: true });
    const root = join(real, await rootIn());
    writeFileSync(join(outside, "victim"), readFileSync(root));
    await rm(root);
    symlinkSync(join(outside, "victim"), root);
    await exported();
    expect(statSync(root).ino).not.toBe(statSync(join(outside, "victim")).ino);
    expect(await wrongFiles(real)).toEqual([]);
  });

  it("is refused while another export is at work there", async () => {
    await exported();
    const target = await Target.at(www);
    const code = await withTreeLock(target, () => codeOf(exported()));
    expect(code).toBe("TARGET_BUSY");
    await exported();
  });

  it("with what a killed export left is put right: its unfinished files go, and what it noted is looked at", async () => {
    await exported();
    writeFileSync(join(www, ".headwater-export/new/0123"), "half a file");
    await rm(join(www, await rootIn()));
    await exported();
    expect(await readdir(join(www, ".headwater-export/new"))).toEqual([]);
    expect(await wrongFiles(www)).toEqual([]);
    writeFileSync(join(www, ".headwater-export/tree.json"), '{"format":1,"files":[["../../victim"]]}');
    expect(await codeOf(exported())).toBe("TARGET_UNUSABLE");
  });
});

describe("saying what would be", () => {
  it("changes nothing, not even a folder", async () => {
    const store = await openStore(site.data);
    const report = await tryExport(store, openBlobFiles(site.data), optionsWith({}));
    expect(report).toMatchObject({ come: { files: 2 }, listed: { files: 2 } });
    expect(existsSync(www)).toBe(false);
    await exported();
    await site.json("remove", "tiny/1");
    const before = await filesIn(www);
    const gone = await tryExport(store, openBlobFiles(site.data), optionsWith({ graceMs: 0 }));
    expect(gone).toMatchObject({ removed: { files: 3 + 4 }, leaving: { files: 0 } });
    expect(await filesIn(www)).toEqual(before);
  });
});

describe("a disk that does not take it", () => {
  const disk = smallDisk();
  const mount = (context: TestContext, size: string): string =>
    disk.mount(context, { folder: join(site.folder, "disk"), size });

  it("because it is full leaves the lists as they were, and the next run goes on when there is room", async (context) => {
    const folder = mount(context, "512k");
    await exported({ folder });
    const before = readFileSync(join(folder, "streams/v1/images.json"), "utf8");
    const [metadata, root] = await site.files("large");
    writeFileSync(root, Buffer.concat([readFileSync(root), Buffer.alloc(700_000, 7)]));
    await site.json("add", metadata, root, "--os", "large");
    expect(await codeOf(exported({ folder }))).toBe("TARGET_FULL");
    expect(readFileSync(join(folder, "streams/v1/images.json"), "utf8")).toBe(before);
    expect(await wrongFiles(folder)).toEqual([]);
    expect(await readdir(join(folder, ".headwater-export/new"))).toEqual([]);
    execFileSync("mount", ["-o", "remount,size=8m", folder]);
    await exported({ folder });
    expect(await wrongFiles(folder)).toEqual([]);
    expect(new Set((await listedIn(folder)).map(({ path }) => path)).size).toBe(4);
  });

  it("because it is full when lists are written has none of their bytes left to be in the way", async (context) => {
    const folder = mount(context, "4m");
    await exported({ folder });
    await addImage("b", "--os", "other");
    // Room for what is noted, the two files, and some of the lists.
    disk.leavePages(7);
    expect(await codeOf(exported({ folder }))).toBe("TARGET_FULL");
    expect((await filesIn(folder)).filter((path) => path.includes("other"))).toHaveLength(2);
    expect(await readdir(join(folder, ".headwater-export/new"))).toEqual([]);
    expect(await wrongFiles(folder)).toEqual([]);
  });

  it("because it is read-only, or another one than hard links can reach, is named", async (context) => {
    const folder = mount(context, "4m");
    expect(await codeOf(exported({ folder, link: "hard" }))).toBe("TARGET_UNUSABLE");
    expect(await exported({ folder })).toMatchObject({ sharedFiles: 0 });
    expect(await wrongFiles(folder)).toEqual([]);
    await addImage("b", "--os", "other");
    execFileSync("mount", ["-o", "remount,ro", folder]);
    expect(await codeOf(exported({ folder }))).toBe("TARGET_UNUSABLE");
    expect(await wrongFiles(folder)).toEqual([]);
  });

  it("because it belongs to somebody else is named", async (context) => {
    if (process.geteuid?.() === 0) context.skip("root may write everywhere");
    await mkdir(www);
    chmodSync(www, 0o555);
    expect(await codeOf(exported())).toBe("TARGET_UNUSABLE");
  });
});

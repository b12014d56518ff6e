import { execFileSync } from "node:child_process";
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { HeadwaterError } from "../../src/error.ts";
import { type Disk, nodeDisk } from "../../src/store/directory/disk.ts";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { prune } from "../../src/store/prune.ts";
import { codeOf, generationNumber } from "../contract/store.ts";
import { addText, hashOf, listedBy, removeText } from "./tiny-images.ts";

let base = "";
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "headwater-open-"));
  await chmod(base, 0o755);
});
afterEach(async () => {
  await rm(base, { recursive: true });
});

async function errorOf(work: Promise<unknown>): Promise<HeadwaterError> {
  const error: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof HeadwaterError) return error;
  throw new Error(`no HeadwaterError, but ${String(error)}`);
}

/** This disk, with calls that fail as they would somewhere else. */
function failing(errno: string, fails: (call: string, path: string) => boolean): Disk {
  const fail = (call: string, path: string): void => {
    if (fails(call, path)) throw Object.assign(new Error(errno), { code: errno });
  };
  return {
    ...nodeDisk,
    open: async (path, flags) => {
      fail(flags === "create" ? "create" : "open", path);
      return nodeDisk.open(path, flags);
    },
    link: async (from, to) => {
      fail("link", to);
      await nodeDisk.link(from, to);
    },
    mkdir: async (path) => {
      fail("mkdir", path);
      await nodeDisk.mkdir(path);
    },
    write: async (fd, bytes, position) => {
      fail("write", "");
      await nodeDisk.write(fd, bytes, position);
    },
  };
}

describe("opening a folder as a store", () => {
  it("makes it, and everything in it, readable for everybody and writable for its owner, whatever the umask", async () => {
    const before = process.umask(0o077);
    try {
      const store = await openDirectoryStore(join(base, "a", "b"), { create: true });
      await addText(store, "text");
    } finally {
      process.umask(before);
    }
    const modes = new Set<string>();
    for (const entry of await readdir(join(base, "a"), { recursive: true, withFileTypes: true })) {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      modes.add(`${entry.isDirectory() ? "folder" : "file"} ${(mode & 0o777).toString(8)}`);
    }
    expect(Array.from(modes).toSorted()).toEqual(["file 644", "folder 755"]);
  });

  it("says that there is none, and makes none, when it is only to be read", async () => {
    const error = await errorOf(openDirectoryStore(join(base, "none")));
    expect(error).toMatchObject({
      code: "STORE_UNUSABLE",
      message: expect.stringContaining("There is no store"),
    });
    expect(await readdir(base)).toEqual([]);
  });

  it("writes nothing before the first write", async () => {
    const store = await openDirectoryStore(base);
    expect(await store.newest()).toBeUndefined();
    expect(await store.open(hashOf("a"))).toBeUndefined();
    expect((await store.liveBlobs()).size).toBe(0);
    expect(await readdir(base)).toEqual([]);
  });

  it("refuses a folder with other files", async () => {
    await writeFile(join(base, "thesis.odt"), "");
    const error = await errorOf(openDirectoryStore(base, { create: true }));
    expect(error.code).toBe("STORE_UNUSABLE");
    expect(error.message).toContain("thesis.odt");
    expect(await readdir(base)).toEqual(["thesis.odt"]);
  });

  it("accepts what belongs to a store, and a link to its folder", async () => {
    const data = join(base, "data");
    await mkdir(join(data, "tls"), { recursive: true });
    await writeFile(join(data, "headwater.yaml"), "");
    await symlink(data, join(base, "link"));
    await addText(await openDirectoryStore(join(base, "link"), { create: true }), "a");
    expect((await (await openDirectoryStore(data)).newest())?.number).toBe(1);
  });

  it("refuses a file, and a path through a file", async () => {
    await writeFile(join(base, "file"), "");
    for (const path of [join(base, "file"), join(base, "file", "below")]) {
      expect(await codeOf(openDirectoryStore(path, { create: true }))).toBe("STORE_UNUSABLE");
      expect(await codeOf(openDirectoryStore(path))).toBe("STORE_UNUSABLE");
    }
  });

  it("refuses network file systems", async () => {
    const disk: Disk = { ...nodeDisk, fileSystem: async () => 0x6969 };
    const error = await errorOf(openDirectoryStore(base, { create: true, disk }));
    expect(error).toMatchObject({ code: "STORE_UNUSABLE", message: expect.stringContaining("NFS") });
    const negative: Disk = { ...nodeDisk, fileSystem: async () => 0xff534d42 | 0 };
    expect((await errorOf(openDirectoryStore(base, { create: true, disk: negative }))).message).toContain(
      "CIFS",
    );
  });

  it("refuses a file system without hard links", async () => {
    const disk = failing("EPERM", (call) => call === "link");
    const error = await errorOf(openDirectoryStore(base, { create: true, disk }));
    expect(error).toMatchObject({
      code: "STORE_UNUSABLE",
      message: expect.stringContaining("no hard links"),
    });
  });

  it("leaves nothing of its trials behind", async () => {
    await openDirectoryStore(base, { create: true });
    expect(await readdir(join(base, "incoming"))).toEqual([]);
  });

  it("says when a generation file is damaged, and which", async () => {
    const store = await openDirectoryStore(base, { create: true });
    await store.createIfAbsent(generationNumber(1));
    for (const bytes of [
      "",
      "{",
      "[]",
      '{"format":1}',
      JSON.stringify({ ...generationNumber(1), keeps: [[1, 9e15]] }),
    ]) {
      await writeFile(join(base, "generations", "0000000001.json"), bytes);
      const error = await errorOf((await openDirectoryStore(base)).newest());
      expect(error).toMatchObject({
        code: "STORE_UNUSABLE",
        message: expect.stringContaining("0000000001.json"),
      });
    }
  });

  it("ignores what does not belong there", async () => {
    const store = await openDirectoryStore(base, { create: true });
    await addText(store, "a");
    await writeFile(join(base, "generations", "0000000009.json.tmp"), "");
    await writeFile(join(base, "generations", "notes.json"), "");
    await writeFile(join(base, "blobs", "README"), "");
    await writeFile(join(base, "blobs", hashOf("a").slice(0, 2), "x"), "");
    await mkdir(join(base, "trash", "notes"));
    const another = await openDirectoryStore(base);
    expect((await another.newest())?.number).toBe(1);
    expect((await another.liveBlobs()).size).toBe(2);
    expect(await another.retiredBlobs()).toEqual([]);
  });
});

describe("a disk that refuses", () => {
  it.each([
    ["ENOSPC", "STORE_FULL", "the disk is full"],
    ["EDQUOT", "STORE_FULL", "quota"],
    ["EACCES", "STORE_UNUSABLE", "permission denied"],
    ["EROFS", "STORE_UNUSABLE", "read-only"],
    ["EMFILE", "STORE_UNUSABLE", "too many open files"],
    ["EIO", "STORE_UNUSABLE", "EIO"],
    ["EXDEV", "STORE_UNUSABLE", "EXDEV"],
  ])("with %s is one clear error, and the store is as before", async (errno, code, words) => {
    await addText(await openDirectoryStore(base, { create: true }), "a");
    for (const call of ["create", "write"]) {
      const disk = failing(errno, (name) => name === call);
      const error = await errorOf(addText(await openDirectoryStore(base, { disk }), "b"));
      expect(error).toMatchObject({ code, message: expect.stringContaining(words) });
    }
    const store = await openDirectoryStore(base);
    expect(await listedBy(store, await store.newest())).toEqual([hashOf("a")]);
    expect(await readdir(join(base, "incoming"))).toEqual([]);
  });

  it("can still be pruned when it is full: the generation's file has room held back", async () => {
    const store = await openDirectoryStore(base, { create: true });
    await addText(store, "a");
    await removeText(store, "a");
    const reserve = join(base, "state", "reserve");
    // Full until the reserve is given up.
    const full = failing("ENOSPC", (call) => call === "write" && exists(reserve));
    const report = await prune(await openDirectoryStore(base, { disk: full }), {
      now: Date.now() + 1000,
      graceMs: 1,
      freeNow: true,
    });
    expect(report.deleted.blobs).toBeGreaterThan(0);
    expect(await store.open(hashOf("a"))).toBeUndefined();
    await addText(await openDirectoryStore(base), "b");
    expect((await stat(reserve)).size).toBe(256 * 1024);
  });

  it("that is full beyond that is told by prune in its own words", async () => {
    const store = await openDirectoryStore(base, { create: true });
    await addText(store, "a");
    await removeText(store, "a");
    const full = failing("ENOSPC", (call) => call === "write");
    const pruning = prune(await openDirectoryStore(base, { disk: full }), {
      now: Date.now() + 1000,
      graceMs: 1,
    });
    expect(await errorOf(pruning)).toMatchObject({
      code: "STORE_FULL",
      message: expect.stringContaining("no room even for that"),
    });
    expect(await store.sizeOf(hashOf("a"))).toBe(1);
  });
});

function exists(path: string): boolean {
  try {
    execFileSync("test", ["-e", path]);
    return true;
  } catch {
    return false;
  }
}

const isRoot = process.geteuid?.() === 0;
const NOBODY = 65_534;

describe("somebody else's store", () => {
  it("gets files that belong to that owner, when root writes", async (context) => {
    if (!isRoot) context.skip("only root can give files away");
    await chown(base, NOBODY, NOBODY);
    await addText(await openDirectoryStore(base, { create: true }), "a");
    const owners = new Set<number>();
    for (const name of await readdir(base, { recursive: true }))
      owners.add((await stat(join(base, name))).uid);
    expect(Array.from(owners)).toEqual([NOBODY]);
  });

  it("can be read, and says plainly that it cannot be written", async (context) => {
    if (!isRoot) context.skip("only root can become another user");
    await addText(await openDirectoryStore(base, { create: true }), "a");
    process.seteuid?.(NOBODY);
    try {
      const store = await openDirectoryStore(base);
      expect(await listedBy(store, await store.newest())).toEqual([hashOf("a")]);
      const error = await errorOf(addText(store, "b"));
      expect(error).toMatchObject({
        code: "STORE_UNUSABLE",
        message: expect.stringContaining("permission denied"),
      });
      expect(error.message).toContain(base);
    } finally {
      process.seteuid?.(0);
    }
    expect(await readFile(join(base, "blobs", hashOf("a").slice(0, 2), hashOf("a")), "utf8")).toBe("a");
  });
});

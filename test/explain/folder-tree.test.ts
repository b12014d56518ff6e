import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openFolderTree } from "../../src/explain/folder-tree.ts";
import type { Tree } from "../../src/explain/tree.ts";

describe("a tree in a folder", () => {
  let outside: string;
  let folder: string;
  let tree: Tree;
  beforeEach(async () => {
    outside = await mkdtemp(join(tmpdir(), "hw-explain-"));
    folder = join(outside, "tree");
    await mkdir(join(folder, "streams", "v1"), { recursive: true });
    await writeFile(join(outside, "secret"), "a secret");
    await writeFile(join(folder, "streams", "v1", "index.json"), "{}");
    tree = openFolderTree(folder);
  });
  afterEach(() => rm(outside, { recursive: true }));

  const textOf = async (path: string): Promise<string> => {
    const answer = await tree.document(path);
    return answer.kind === "there" ? Buffer.from(answer.bytes).toString() : answer.why;
  };

  it.each([
    "streams/v1/index.json",
    "/streams/v1/index.json",
    "streams//v1/./index.json",
    "x/../streams/v1/index.json",
  ])("reads %s as the clients join it", async (path) => {
    expect(await textOf(path)).toBe("{}");
  });

  it.each(["../secret", "streams/../../secret", "/../secret", "..", "a\0b"])(
    "is not left by %j",
    async (path) => {
      expect(await textOf(path)).toBe("the path leads out of the folder");
    },
  );

  it("follows links, wherever they lead", async () => {
    await symlink(join(outside, "secret"), join(folder, "linked"));
    expect(await textOf("linked")).toBe("a secret");
    await symlink("circle", join(folder, "circle"));
    expect(await textOf("circle")).toBe("links lead in a circle");
  });

  it.each([
    ["nothing", "there is no such file"],
    ["streams/v1/index.json/x", "there is no such file"],
    ["streams", "a folder is there instead of a file"],
    ["pipe", "what is there is not a regular file"],
    ["x".repeat(300), "its name is too long for this file system"],
  ])("says why %s is not there", async (path, why) => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    expect(await textOf(path)).toBe(why);
    expect(await tree.file(path, { read: () => undefined })).toEqual({ kind: "absent", why });
  });

  it("tells the size of a file, and reads it in pieces when that is wanted", async () => {
    const bytes = Buffer.alloc(600_000, "abc");
    await writeFile(join(folder, "root"), bytes);
    expect(await tree.file("root")).toEqual({ kind: "there", size: 600_000 });
    const pieces: Buffer[] = [];
    const answer = await tree.file("root", { read: (piece) => void pieces.push(Buffer.from(piece)) });
    expect(answer).toEqual({ kind: "there", size: 600_000 });
    expect(pieces.length).toBe(3);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  it("reads no further than was asked for", async () => {
    await writeFile(join(folder, "root"), "12345");
    let read = 0;
    const take = (piece: Uint8Array): void => void (read += piece.byteLength);
    expect(await tree.file("root", { read: take, most: 4 })).toMatchObject({
      kind: "absent",
      isLonger: true,
    });
    expect(read).toBe(0);
  });

  it("takes no document of more than 64 MiB", async () => {
    await writeFile(join(folder, "huge.json"), "");
    await truncate(join(folder, "huge.json"), 64 * 1024 * 1024 + 1);
    expect(await textOf("huge.json")).toBe("it has more than 67108864 bytes");
  });

  it("stops when it is told to", async () => {
    const stop = AbortSignal.abort(new Error("enough"));
    await expect(tree.document("streams/v1/index.json", { signal: stop })).rejects.toThrow("enough");
  });

  it("is no server", async () => {
    expect(await tree.server()).toBeUndefined();
  });
});

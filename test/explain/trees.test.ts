import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openFolderTree } from "../../src/explain/folder-tree.ts";
import { openServerTree } from "../../src/explain/http/server-tree.ts";
import { openStoreTree } from "../../src/explain/store-tree.ts";
import { readDocument } from "../../src/store/documents.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { DOCUMENT, FILE, treeContract } from "../contract/tree.ts";
import { publishStreams } from "../store/tiny-caches.ts";
import { startScripted } from "./scripted-server.ts";
import { writeTree } from "./small-tree.ts";

const TEXT = '{"products":{}}';

treeContract("folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-tree-"));
  await writeTree(folder, { [DOCUMENT]: TEXT, [FILE]: FILE });
  return {
    tree: openFolderTree(folder),
    documentText: TEXT,
    remove: () => rm(folder, { recursive: true }),
  };
});

treeContract("server", async () => {
  const server = await startScripted({ paths: { [DOCUMENT]: TEXT, [FILE]: FILE } });
  const tree = openServerTree({ url: server.url, ca: server.cert, userAgent: "a test" });
  return { tree, documentText: TEXT, remove: () => server.close() };
});

treeContract("store", async () => {
  const store = createMemoryStore();
  const generation = await publishStreams(store, [{ name: "images", origin: "own", lists: [FILE] }]);
  const record = generation.documents[`images/${DOCUMENT}`];
  if (record === undefined) throw new Error("the document is not published");
  return {
    tree: openStoreTree(store, generation, "images"),
    documentText: Buffer.from(await readDocument(store, record)).toString(),
    remove: async () => undefined,
  };
});

describe("a tree in the store", () => {
  it("says of what a cache does not hold that it is at the upstream", async () => {
    const store = createMemoryStore();
    const lists = ["here", "away"];
    const generation = await publishStreams(store, [
      { name: "debian", origin: "cache", lists, holds: ["here"] },
    ]);
    const tree = openStoreTree(store, generation, "debian");
    expect(await tree.file("here")).toEqual({ kind: "there", size: 4 });
    const answer = { kind: "there", size: 4, unread: "its bytes are at the upstream" };
    expect(await tree.file("away")).toEqual(answer);
    expect(await tree.file("away", { read: () => expect.unreachable() })).toEqual(answer);
  });
});

describe("a tree in a folder", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "headwater-tree-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("reads a path as the clients join it", async () => {
    await writeTree(folder, { "images/one": "1" });
    for (const path of ["/images/one", "images//one", "./images/one", "images/../images/one"])
      expect(await openFolderTree(folder).file(path), path).toMatchObject({ kind: "there" });
  });

  it.each([
    ["a folder", (place: string) => mkdir(place), "a folder is there instead of a file"],
    ["links in a circle", (place: string) => symlink(place, place), "links lead in a circle"],
    ["a link to nothing", (place: string) => symlink("nothing", place), "there is no such file"],
    ["a device", (place: string) => symlink("/dev/null", place), "what is there is not a regular file"],
  ])("says that %s is no file", async (_what, make, why) => {
    await make(join(folder, "odd"));
    const tree = openFolderTree(folder);
    expect(await tree.file("odd")).toEqual({ kind: "absent", why });
    expect(await tree.document("odd")).toEqual({ kind: "absent", why });
  });

  it("does not choke on a name with a null byte or one that is too long", async () => {
    const tree = openFolderTree(folder);
    expect((await tree.file("a\0b")).kind).toBe("absent");
    expect((await tree.file("x".repeat(5000))).kind).toBe("absent");
  });
});

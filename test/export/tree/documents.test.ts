import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBlobFiles, openOrMakeStore } from "../../../src/compose.ts";
import { exportTree } from "../../../src/export/tree/export-tree.ts";
import { planOf } from "../../../src/export/tree/plan.ts";
import { Target } from "../../../src/export/tree/target.ts";
import { readRecord } from "../../../src/export/tree/tree-record.ts";
import { wantedOf } from "../../../src/export/tree/wanted.ts";
import { commit } from "../../../src/store/commit.ts";
import type { DocumentRecord } from "../../../src/store/generation.ts";
import type { Store } from "../../../src/store/store.ts";
import { hashOf } from "../../store/tiny-images.ts";
import { codeOf } from "../../contract/store.ts";
import { smallDisk } from "./small-disk.ts";
import { filesIn } from "./walk-tree.ts";

let folder: string;
let www: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-documents-"));
  www = join(folder, "www");
  store = await openOrMakeStore(join(folder, "store"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Publishes these documents, whatever they are, and items whose bytes are their paths, in one products file. */
async function publish(
  texts: Readonly<Record<string, string>>,
  items: readonly string[] = [],
  textOf: (path: string) => string = (path) => path,
): Promise<void> {
  const products = "images/streams/v1/images.json";
  const fields = items.map((path) => [
    path,
    { path, sha256: hashOf(textOf(path)), size: textOf(path).length },
  ]);
  const versions = { v: { items: Object.fromEntries(fields) } };
  const all = { [products]: JSON.stringify({ products: { p: { versions } } }), ...texts };
  const writer = await store.writer("test");
  const documents: Record<string, DocumentRecord> = {};
  for (const [path, text] of Object.entries(all))
    documents[path] = { ...(await writer.put(Buffer.from(text))), encoding: "identity", type: "text/plain" };
  const blobs: string[] = [];
  for (const path of items) blobs.push((await writer.put(Buffer.from(textOf(path)))).sha256);
  const streams = [{ name: "images", origin: "own" as const, products: [products], hidden: [] }];
  await commit(store, writer, () => ({
    reason: { verb: "test", text: "" },
    rules: 1,
    streams,
    documents,
    blobs,
  }));
  await writer.close();
}

async function exported(): Promise<void> {
  const wishes = {
    graceMs: 3_600_000,
    link: "copy",
    force: false,

    signal: undefined,
    now: Date.now,
  } as const;
  await exportTree(store, openBlobFiles(store.name), { folder: www, ...wishes });
}

/** Paths in the order in which they get their names. */
async function order(): Promise<string[]> {
  const newest = await store.newest();
  if (newest === undefined) throw new Error("nothing published");
  const target = await Target.at(www);
  const record = await readRecord(target);
  const wanted = await wantedOf(store, newest, { stream: undefined, target, record });
  const plan = await planOf(target, wanted, {
    record,
    force: false,

    signal: undefined,
  });
  const stages = ["item", "sums", "lists", "index"];
  return [...plan.items, ...plan.texts]
    .map(({ path, file }) => ({ path, stage: stages.indexOf(file.stage) }))
    .toSorted((one, other) => one.stage - other.stage)
    .map(({ path }) => path);
}

/** Every kind of document that a generation may have, in an order that is no help. */
const SIGNED = {
  "meta/1.0/index-system.asc": "s",
  "meta/1.0/index-system.7": "x;",
  "streams/v1/index.json.gpg": "s",
  "streams/v1/index.sjson": "i",
  "streams/v1/index.json": "{}",
  "meta/1.0/index-system": "x;",
  "images/x/rootfs.tar.xz.asc": "s",
  "streams/v1/images.json.gpg": "s",
  "images/streams/v1/index.json": "{}",
  "streams/v1/images.sjson": "p",
  "streams/v1/images.json": "{}",
};

describe("the documents of a tree", () => {
  const disk = smallDisk();

  it("come after the items, each with its signatures and compressed copies beside it, indexes of every kind last", async () => {
    await publish(SIGNED, ["x/rootfs.tar.xz"]);
    expect(await order()).toEqual([
      "images/x/rootfs.tar.xz",
      "images/x/SHA256SUMS",
      "images/streams/v1/images.json",
      "images/streams/v1/images.json.gz",
      "images/x/rootfs.tar.xz.asc",
      "streams/v1/images.json",
      "streams/v1/images.json.gpg",
      "streams/v1/images.json.gz",
      "streams/v1/images.sjson",
      "streams/v1/images.sjson.gz",
      "images/streams/v1/index.json",
      "images/streams/v1/index.json.gz",
      "meta/1.0/index-system",
      "meta/1.0/index-system.7",
      "meta/1.0/index-system.asc",
      "streams/v1/index.json",
      "streams/v1/index.json.gpg",
      "streams/v1/index.json.gz",
      "streams/v1/index.sjson",
      "streams/v1/index.sjson.gz",
    ]);
    await exported();
    expect(gunzipSync(readFileSync(join(www, "streams/v1/index.sjson.gz"))).toString()).toBe("i");
    expect(await order()).toEqual([]);
  });

  it("that an upstream called like an index are lists all the same", async () => {
    await publish({ "images/streams/v1/index-of-products.json": "{}", "streams/v1/index.json": "{}" });
    const names = await order();
    expect(names.indexOf("images/streams/v1/index-of-products.json")).toBeLessThan(
      names.indexOf("streams/v1/index.json"),
    );
  });

  it("stay as they were on a full disk, with the files that they fit", async (context) => {
    www = disk.mount(context, { folder: join(folder, "disk"), size: "4m" });
    await publish(SIGNED, ["x/changed"]);
    await exported();
    await publish({ ...SIGNED, "streams/v1/images.json": '{"other":1}' }, ["x/changed"], () => "other bytes");
    // What is noted, the file, and some lists.
    disk.leavePages(4);
    expect(await codeOf(exported())).toBe("TARGET_FULL");
    expect(readFileSync(join(www, "images/x/changed"), "utf8")).toBe("x/changed");
    expect(readFileSync(join(www, "streams/v1/images.json"), "utf8")).toBe("{}");
    disk.leavePages(100);
    await exported();
    expect(readFileSync(join(www, "images/x/changed"), "utf8")).toBe("other bytes");
  });

  it("lose their signatures at once when nobody signs any more, but for files that stay what they are", async () => {
    await publish(SIGNED, ["x/rootfs.tar.xz"]);
    await exported();
    const plain = Object.entries(SIGNED).filter(([path]) => !/\.(?:asc|gpg|sjson)$/.test(path));
    await publish({ ...Object.fromEntries(plain), "streams/v1/images.json": '{"other":1}' }, [
      "x/rootfs.tar.xz",
    ]);
    await exported();
    const left = (await filesIn(www)).filter((path) => /\.(?:asc|gpg|sjson)/.test(path));
    // Who has read index.sjson a moment ago asks for the list that it names.
    expect(left).toEqual([
      "images/x/rootfs.tar.xz.asc",
      "streams/v1/images.sjson",
      "streams/v1/images.sjson.gz",
    ]);
  });
});

import { createHash } from "node:crypto";

import { describe, expect, it } from "vitest";

import { commit } from "../../src/store/commit.ts";
import { history } from "../../src/store/history.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { prune } from "../../src/store/prune.ts";
import type { Sha256, Store } from "../../src/store/store.ts";
import { quarantineDamaged, verify } from "../../src/store/verify.ts";
import { addText, hashOf, removeText } from "./tiny-images.ts";

/** Puts wrong bytes under a name, as a failing disk would. */
async function damage(store: Store, sha256: Sha256, bytes: string): Promise<void> {
  const writer = await store.writer("damage");
  const sink = await writer.create();
  await sink.write(Buffer.from(bytes));
  await sink.commit({ sha256, size: bytes.length });
  await writer.place([sha256]);
  await writer.close();
}

async function splitImage(combined: string): Promise<Store> {
  const store = createMemoryStore();
  const writer = await store.writer("add");
  const metadata = await writer.put(Buffer.from("metadata"));
  const root = await writer.put(Buffer.from("root"));
  const items = {
    "lxd.tar.xz": { ftype: "lxd.tar.xz", path: "m", ...metadata, combined_squashfs_sha256: combined },
    "incus.tar.xz": { ftype: "incus.tar.xz", path: "m", ...metadata, combined_squashfs_sha256: combined },
    "root.squashfs": { ftype: "squashfs", path: "r", ...root },
  };
  const text = JSON.stringify({ products: { p: { versions: { v: { items } } } } });
  const document = await writer.put(Buffer.from(text));
  await commit(store, writer, () => ({
    reason: { verb: "add", text: "" },
    rules: 1,
    streams: [{ name: "images", origin: "own", products: ["images.json"], hidden: [] }],
    documents: { "images.json": { ...document, encoding: "identity", type: "application/json" } },
    blobs: [metadata.sha256, root.sha256],
  }));
  await writer.close();
  return store;
}

async function twoTexts(): Promise<Store> {
  const store = createMemoryStore();
  await addText(store, "a");
  await addText(store, "b");
  return store;
}

describe("verify", () => {
  it("finds nothing in a healthy store, and tells how far it is", async () => {
    const seen: number[] = [];
    const report = await verify(await twoTexts(), { onProgress: ({ bytes }) => seen.push(bytes) });
    expect(report).toMatchObject({ blobs: 4, damaged: [], extra: [], brokenGenerations: [] });
    expect(seen.at(-1)).toBe(report.bytes);
  });

  it("finds wrong bytes, and where they are listed", async () => {
    const store = await twoTexts();
    await damage(store, hashOf("a"), "A");
    const { damaged, brokenGenerations } = await verify(store);
    expect(damaged).toMatchObject([
      { kind: "wrong bytes", sha256: hashOf("a"), expected: hashOf("a"), found: hashOf("A") },
    ]);
    expect(damaged[0]?.listed).toEqual([
      {
        generation: 2,
        stream: "images",
        product: "debian:12:default:amd64",
        version: "20260101_0000",
        item: hashOf("a").slice(0, 8),
      },
    ]);
    expect(brokenGenerations).toEqual([1, 2]);
  });

  it("finds wrong sizes, and what is missing", async () => {
    const store = await twoTexts();
    await damage(store, hashOf("a"), "aaa");
    await store.quarantine(hashOf("b"));
    const { damaged, brokenGenerations } = await verify(store);
    const kinds = new Map(damaged.map(({ sha256, kind }) => [sha256, kind]));
    expect(kinds).toEqual(
      new Map([
        [hashOf("a"), "wrong size"],
        [hashOf("b"), "missing"],
      ]),
    );
    expect(brokenGenerations).toEqual([1, 2]);
  });

  it("finds a damaged products file, and goes on", async () => {
    const store = await twoTexts();
    const [record] = Object.values((await store.newest())?.documents ?? {});
    if (record === undefined) throw new Error("no document");
    await damage(store, record.sha256, "x".repeat(record.size));
    const { damaged, brokenGenerations } = await verify(store);
    expect(damaged).toMatchObject([{ kind: "wrong bytes", sha256: record.sha256 }]);
    expect(brokenGenerations).toEqual([2]);
  });

  it("finds what nobody lists", async () => {
    const store = await twoTexts();
    const writer = await store.writer("add");
    const { sha256 } = await writer.put(Buffer.from("extra"));
    await writer.place([sha256]);
    expect(await verify(store)).toMatchObject({ damaged: [], extra: [sha256] });
  });

  it("looks only at what is still kept", async () => {
    const store = await twoTexts();
    await removeText(store, "a");
    await prune(store, { now: Date.now() + 1e6, graceMs: 1, freeNow: true });
    expect(await verify(store)).toMatchObject({ damaged: [], extra: [] });
  });

  it("accepts a fingerprint that is the hash of metadata and root", async () => {
    const fingerprint = createHash("sha256").update("metadata").update("root").digest("hex");
    expect(await verify(await splitImage(fingerprint))).toMatchObject({ damaged: [] });
  });

  it("finds a fingerprint that is not, once for twins", async () => {
    const wrong = hashOf("something else");
    const { damaged } = await verify(await splitImage(wrong));
    expect(damaged).toMatchObject([
      {
        kind: "wrong fingerprint",
        sha256: hashOf("root"),
        expected: wrong,
        found: createHash("sha256").update("metadataroot").digest("hex"),
        listed: [{ product: "p", version: "v", item: "lxd.tar.xz" }],
      },
    ]);
  });

  it("puts damaged bytes away, so that the right ones can come again", async () => {
    const store = await twoTexts();
    await damage(store, hashOf("a"), "A");
    const { damaged } = await verify(store);
    expect(await quarantineDamaged(store, damaged)).toHaveLength(1);
    expect(await verify(store)).toMatchObject({ damaged: [{ kind: "missing", sha256: hashOf("a") }] });
    await damage(store, hashOf("a"), "a");
    expect(await verify(store)).toMatchObject({ damaged: [] });
  });
});

describe("history", () => {
  it("goes from the newest back to the first, and knows what is still complete", async () => {
    const store = await twoTexts();
    await removeText(store, "a");
    await prune(store, { now: Date.now() + 1e6, graceMs: 1 });
    const past = [];
    for await (const { generation, kept } of history(store))
      past.push([generation.number, generation.reason.verb, kept]);
    expect(past).toEqual([
      [4, "prune", true],
      [3, "remove", true],
      [2, "add", false],
      [1, "add", false],
    ]);
  });

  it("is empty in an empty store", async () => {
    for await (const past of history(createMemoryStore())) expect.unreachable(String(past.generation.number));
  });
});

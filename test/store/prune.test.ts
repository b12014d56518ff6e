import { describe, expect, it } from "vitest";

import { commit } from "../../src/store/commit.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { prune, purge } from "../../src/store/prune.ts";
import type { Store } from "../../src/store/store.ts";
import { addText, draftOf, hashOf, listedBy, removeText } from "./tiny-images.ts";

const HOUR = 3_600_000;

/** Generation 1 lists `old`, 2 both, 3 only `new`; an hour between each. */
async function threeGenerations(): Promise<Store> {
  const store = createMemoryStore();
  await addText(store, "old", { now: () => HOUR });
  await addText(store, "new", { now: () => 2 * HOUR });
  await removeText(store, "old", { now: () => 3 * HOUR });
  return store;
}

describe("prune", () => {
  it("publishes nothing while everything is within its grace", async () => {
    const store = await threeGenerations();
    const report = await prune(store, { now: 4 * HOUR });
    expect(report).toMatchObject({ published: undefined, dropped: [], retired: { blobs: 0 } });
    expect((await store.newest())?.number).toBe(3);
  });

  it("counts the grace of a generation from when the next one was created", async () => {
    const store = await threeGenerations();
    const day = { graceMs: 24 * HOUR };
    expect((await prune(store, { now: 26 * HOUR - 1, ...day, dryRun: true })).dropped).toEqual([]);
    expect((await prune(store, { now: 26 * HOUR, ...day, dryRun: true })).dropped).toEqual([1]);
    expect((await prune(store, { now: 27 * HOUR, ...day, dryRun: true })).dropped).toEqual([1, 2]);
  });

  it("puts aside what no kept generation names, and deletes it the next time", async () => {
    const store = await threeGenerations();
    const first = await prune(store, { now: 30 * HOUR });
    expect(first).toMatchObject({ published: 4, dropped: [1, 2], deleted: { blobs: 0 } });
    // The image, and the products files of the generations given up.
    expect(first.retired.blobs).toBe(3);
    expect((await store.newest())?.keeps).toEqual([[3, 3]]);
    expect(await store.sizeOf(hashOf("old"))).toBe(3);
    const second = await prune(store, { now: 31 * HOUR });
    expect(second).toMatchObject({ published: 5, deleted: first.retired, retired: { blobs: 0 } });
    expect(await store.sizeOf(hashOf("old"))).toBeUndefined();
    expect(await store.sizeOf(hashOf("new"))).toBe(3);
    expect((await prune(store, { now: 32 * HOUR })).published).toBeUndefined();
  });

  it("frees the space at once when asked", async () => {
    const store = await threeGenerations();
    const report = await prune(store, { now: 30 * HOUR, freeNow: true });
    expect(report).toMatchObject({
      published: 5,
      dropped: [1, 2],
      retired: { blobs: 0 },
      deleted: { blobs: 3 },
    });
    expect(await store.retiredBlobs()).toEqual([]);
  });

  it("only says what it would do in a dry run", async () => {
    const store = await threeGenerations();
    const report = await prune(store, { now: 30 * HOUR, dryRun: true, freeNow: true });
    expect(report).toMatchObject({ published: undefined, dropped: [1, 2], retired: { blobs: 3 } });
    expect((await store.newest())?.number).toBe(3);
    expect(await store.retiredBlobs()).toEqual([]);
  });

  it("leaves an idle store alone for ever after", async () => {
    const store = await threeGenerations();
    for (let day = 2; day < 20; day++) await prune(store, { now: day * 24 * HOUR });
    expect((await store.newest())?.number).toBe(5);
  });

  it("takes back a blob that was put aside and that a kept generation names", async () => {
    const store = await threeGenerations();
    await store.retire(hashOf("new"), 2);
    expect(await prune(store, { now: 4 * HOUR })).toMatchObject({
      published: undefined,
      restored: { blobs: 1 },
    });
    expect((await store.liveBlobs()).has(hashOf("new"))).toBe(true);
  });

  it("gives up a generation that the caller names, whatever its age", async () => {
    const store = await threeGenerations();
    const report = await prune(store, { now: 3 * HOUR, dropGenerations: ({ number }) => number === 1 });
    expect(report.dropped).toEqual([1]);
    expect((await store.newest())?.keeps).toEqual([[2, 3]]);
  });

  it("works in an empty store", async () => {
    expect(await prune(createMemoryStore(), { now: 0 })).toMatchObject({ published: undefined, dropped: [] });
  });
});

describe("purge", () => {
  it("gets the bytes off the disk and says which generations are gone", async () => {
    const store = await threeGenerations();
    const report = await purge(store, [hashOf("old")], { now: 3 * HOUR });
    expect(report).toEqual({ gone: [1, 2], deleted: [hashOf("old")], listed: [] });
    expect(await store.open(hashOf("old"))).toBeUndefined();
    expect(await listedBy(store, await store.newest())).toEqual([hashOf("new")]);
  });

  it("takes them from writers that have them in hand", async () => {
    const store = await threeGenerations();
    const writer = await store.writer("add");
    await writer.put(Buffer.from("old"));
    await purge(store, [hashOf("old")], { now: 3 * HOUR });
    await expect(writer.place([hashOf("old")])).rejects.toMatchObject({ code: "BLOB_MISSING" });
  });

  it("makes a writer that counted on them fail, not publish", async () => {
    const store = await threeGenerations();
    const writer = await store.writer("alias");
    let tries = 0;
    const late = commit(store, writer, async (base) => {
      tries += 1;
      const draft = await draftOf(writer, [...(await listedBy(store, base)), hashOf("old")], "alias");
      // After it looked and before it publishes.
      if (tries === 1) await purge(store, [hashOf("old")], { now: 3 * HOUR });
      return draft;
    });
    await expect(late).rejects.toMatchObject({ code: "BLOB_MISSING" });
    expect(await listedBy(store, await store.newest())).toEqual([hashOf("new")]);
  });

  it("leaves what is listed, and says so", async () => {
    const store = await threeGenerations();
    const report = await purge(store, [hashOf("new")], { now: 3 * HOUR });
    expect(report).toMatchObject({ deleted: [], listed: [hashOf("new")] });
    expect(await store.sizeOf(hashOf("new"))).toBe(3);
  });
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { backup } from "../../src/store/directory/backup.ts";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import type { Generation } from "../../src/store/generation.ts";
import { changeHeld } from "../../src/store/hold.ts";
import { itemsOf } from "../../src/store/items.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { namedBlobs } from "../../src/store/named-blobs.ts";
import { prune } from "../../src/store/prune.ts";
import type { Store } from "../../src/store/store.ts";
import { readStreamState } from "../../src/store/stream-state.ts";
import { verify } from "../../src/store/verify.ts";
import { holds } from "../contract/store.ts";
import { publishStreams, type TinyStream } from "./tiny-caches.ts";
import { hashOf } from "./tiny-images.ts";

const reason = { verb: "cache", text: "" };

function cache(
  lists: readonly string[],
  held: readonly string[],
  more: Partial<TinyStream> = {},
): TinyStream {
  return { name: "debian", origin: "cache", lists, holds: held, ...more };
}

function own(lists: readonly string[]): TinyStream {
  return { name: "images", origin: "own", lists };
}

/** Everything that is kept, with a prune that frees what it can and gives up nothing for its age. */
async function pruned(store: Store): Promise<void> {
  const newest = await store.newest();
  await prune(store, { now: Date.parse(newest?.createdAt ?? "") + 1000, freeNow: true });
}

async function heldBy(store: Store, generation: Generation | undefined): Promise<string[]> {
  const items = generation === undefined ? [] : [...(await itemsOf(store, generation)).values()];
  return items.filter(({ isHeld }) => isHeld).map(({ path }) => path);
}

function isHere(store: Store, text: string): Promise<boolean> {
  return holds(store, hashOf(text), Buffer.from(text));
}

describe("what is held", () => {
  it("is everything of an own image stream and of a mirror, and of a cache what its state says", async () => {
    const store = createMemoryStore();
    const mirror: TinyStream = { name: "ubuntu", origin: "mirror", lists: ["m"] };
    const generation = await publishStreams(store, [own(["o"]), mirror, cache(["a", "b"], ["a"])]);
    expect(await heldBy(store, generation)).toEqual(["o", "m", "a"]);
    const named = await namedBlobs(store, [generation]);
    expect(["o", "m", "a", "b"].map((text) => named.has(hashOf(text)))).toEqual([true, true, true, false]);
    const state = generation.streams[2]?.upstream?.state?.sha256 ?? "";
    expect(named.has(state)).toBe(true);
    await pruned(store);
    expect(await store.sizeOf(state)).toBeDefined();
  });

  it("is nothing of a cache without a state", async () => {
    const store = createMemoryStore();
    const { streams } = await publishStreams(store, [cache(["a"], [])]);
    const [record] = streams;
    if (record?.upstream === undefined) throw new Error("no upstream");
    const { state: _state, ...upstream } = record.upstream;
    expect(await readStreamState(store, { ...record, upstream })).toEqual({ held: [] });
  });

  it("stops taking space at once when it is evicted, though an older generation that held it is kept", async () => {
    const store = createMemoryStore();
    await publishStreams(store, [cache(["a", "b"], ["a", "b"])]);
    const writer = await store.writer("evict");
    const generation = await changeHeld(store, writer, { stream: "debian", reason, remove: [hashOf("a")] });
    await pruned(store);
    expect((await store.newest())?.keeps).toEqual([[1, 3]]);
    expect(generation?.number).toBe(2);
    expect(await isHere(store, "a")).toBe(false);
    expect(await isHere(store, "b")).toBe(true);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("stops taking space at once also when the lists have changed since", async () => {
    const store = createMemoryStore();
    await publishStreams(store, [cache(["a", "b"], ["a"])]);
    await publishStreams(store, [cache(["a", "b", "c"], [])]);
    await pruned(store);
    expect(await isHere(store, "a")).toBe(false);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("stays for the grace period when the upstream does not list it any more", async () => {
    const store = createMemoryStore();
    await publishStreams(store, [cache(["a", "b"], ["a"])]);
    await publishStreams(store, [cache(["b"], [])]);
    await pruned(store);
    expect(await isHere(store, "a")).toBe(true);
    await prune(store, { now: Date.now() + 1e9, graceMs: 1, freeNow: true });
    expect(await isHere(store, "a")).toBe(false);
  });

  it("is not missed when it was evicted first and is not listed any more now", async () => {
    const store = createMemoryStore();
    await publishStreams(store, [cache(["a", "b"], ["a"])]);
    await publishStreams(store, [cache(["a", "b"], [])]);
    await pruned(store);
    expect(await isHere(store, "a")).toBe(false);
    await publishStreams(store, [cache(["b"], [])]);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("stays when another image stream names it, in any kept generation", async () => {
    const store = createMemoryStore();
    await publishStreams(store, [own(["a"]), cache(["a"], ["a"])]);
    await publishStreams(store, [cache(["a"], [])]);
    await pruned(store);
    expect(await isHere(store, "a")).toBe(true);
  });

  it("is given up with the generation that evicted it, in which older ones are no longer complete", async () => {
    const store = createMemoryStore();
    await publishStreams(store, [cache(["a", "b"], ["a"])]);
    await publishStreams(store, [cache(["a", "b"], [])]);
    await pruned(store);
    await publishStreams(store, [cache(["b"], [])]);
    const newest = await store.newest();
    const now = Date.parse(newest?.createdAt ?? "") + 1000;
    await prune(store, {
      now,
      dropGenerations: ({ number }) => number > 1 && number < (newest?.number ?? 0),
    });
    expect((await verify(store)).damaged).toEqual([]);
  });
});

describe("verify of a cache", () => {
  it("does not miss what is at the upstream, and misses what is held", async () => {
    const store = createMemoryStore();
    await publishStreams(store, [cache(["a", "b"], ["b"])]);
    expect((await verify(store)).damaged).toEqual([]);
    await store.quarantine(hashOf("b"));
    expect((await verify(store)).damaged).toMatchObject([{ kind: "missing", sha256: hashOf("b") }]);
  });

  it("tells a damaged state, and goes on", async () => {
    const store = createMemoryStore();
    const generation = await publishStreams(store, [own(["o"]), cache(["a"], ["a"])]);
    const state = generation.streams[1]?.upstream?.state?.sha256 ?? "";
    await store.quarantine(state);
    const { damaged, brokenGenerations } = await verify(store);
    expect(damaged).toMatchObject([{ kind: "missing", sha256: state }]);
    expect(brokenGenerations).toEqual([1]);
  });

  it("says nothing about a fingerprint that is known to be wrong, also in older generations", async () => {
    const store = createMemoryStore();
    const both = ["lxd.tar.xz", "squashfs"];
    const fields = { combined_squashfs_sha256: hashOf("wrong") };
    await publishStreams(store, [cache(both, both, { fields })]);
    expect((await verify(store)).damaged).toMatchObject([{ kind: "wrong fingerprint" }]);
    const distrusted = [{ fingerprint: hashOf("wrong"), reason: "test" }];
    await publishStreams(store, [cache([...both, "c"], both, { fields, distrusted })]);
    expect((await verify(store)).damaged).toEqual([]);
  });
});

describe("changing what is held", () => {
  const begin = async (): Promise<Store> => {
    const store = createMemoryStore();
    await publishStreams(store, [cache(["a", "b"], ["a"])]);
    return store;
  };

  it("publishes the same documents and the new bytes", async () => {
    const store = await begin();
    const writer = await store.writer("fill");
    const { sha256 } = await writer.put(Buffer.from("b"));
    const generation = await changeHeld(store, writer, { stream: "debian", reason, add: [sha256] });
    await writer.close();
    expect(generation?.documents).toEqual((await store.generation(1))?.documents);
    expect(await heldBy(store, generation)).toEqual(["a", "b"]);
    expect(await isHere(store, "b")).toBe(true);
    await pruned(store);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("does nothing when nothing changes, or the image stream is gone", async () => {
    const store = await begin();
    const writer = await store.writer("fill");
    const change = { stream: "debian", reason };
    expect(await changeHeld(store, writer, { ...change, add: [hashOf("a")] })).toBeUndefined();
    expect(await changeHeld(store, writer, { ...change, remove: [hashOf("b")] })).toBeUndefined();
    expect(await changeHeld(store, writer, { ...change, stream: "x", add: [hashOf("b")] })).toBeUndefined();
    expect((await store.newest())?.number).toBe(1);
  });

  it("does not hold what is not listed any more", async () => {
    const store = await begin();
    const writer = await store.writer("fill");
    const { sha256 } = await writer.put(Buffer.from("gone"));
    expect(await changeHeld(store, writer, { stream: "debian", reason, add: [sha256] })).toBeUndefined();
  });

  it("never holds what is not here", async () => {
    const store = await begin();
    const writer = await store.writer("fill");
    const change = changeHeld(store, writer, { stream: "debian", reason, add: [hashOf("b")] });
    await expect(change).rejects.toMatchObject({ code: "BLOB_MISSING" });
  });

  it("keeps what others filled at the same time", async () => {
    const store = createMemoryStore();
    const texts = Array.from({ length: 8 }, (_, index) => `text ${index}`);
    await publishStreams(store, [cache(texts, [])]);
    await Promise.all(
      texts.map(async (text) => {
        const writer = await store.writer("fill");
        const { sha256 } = await writer.put(Buffer.from(text));
        await changeHeld(store, writer, { stream: "debian", reason, add: [sha256] });
        await writer.close();
      }),
    );
    expect(await heldBy(store, await store.newest())).toEqual(texts);
    expect((await verify(store)).damaged).toEqual([]);
  });
});

describe("a backup of a cache", () => {
  it("brings the states and what is held, and no notes", async () => {
    const base = await mkdtemp(join(tmpdir(), "headwater-held-"));
    try {
      const store = await openDirectoryStore(join(base, "store"), { create: true });
      await publishStreams(store, [cache(["a", "b"], ["a"])]);
      await store.writeNote("sync/debian", "etag");
      await backup(join(base, "store"), join(base, "copy"));
      const copy = await openDirectoryStore(join(base, "copy"));
      expect(await heldBy(copy, await copy.newest())).toEqual(["a"]);
      expect((await verify(copy)).damaged).toEqual([]);
      expect(await copy.readNote("sync/debian")).toBeUndefined();
    } finally {
      await rm(base, { recursive: true });
    }
  });
});

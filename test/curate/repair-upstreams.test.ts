import { describe, expect, it } from "vitest";

import { repair } from "../../src/curate/repair.ts";
import { itemsOf } from "../../src/store/items.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { readStreamState } from "../../src/store/stream-state.ts";
import { verify } from "../../src/store/verify.ts";
import { publishStreams, type TinyStream } from "../store/tiny-caches.ts";
import { hashOf } from "../store/tiny-images.ts";

const both = ["lxd.tar.xz", "squashfs"];

/** Every item with its place: here or at the upstream. */
async function placesIn(store: Store): Promise<Record<string, string>> {
  const newest = await store.newest();
  const items = newest === undefined ? [] : [...(await itemsOf(store, newest)).values()];
  return Object.fromEntries(items.map(({ path, isHeld }) => [path, isHeld ? "here" : "upstream"]));
}

describe("repair of upstreams", () => {
  it("takes damaged bytes of a cache for what is at the upstream", async () => {
    const store = createMemoryStore();
    await publishStreams(store, [{ name: "debian", origin: "cache", lists: ["a", "b"], holds: ["a", "b"] }]);
    await store.quarantine(hashOf("a"));
    await repair(store, await verify(store));
    expect(await placesIn(store)).toEqual({ a: "upstream", b: "here" });
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("distrusts an image of a cache whose fingerprint is not its own", async () => {
    const store = createMemoryStore();
    const fields = { combined_squashfs_sha256: hashOf("wrong") };
    const cache: TinyStream = { name: "debian", origin: "cache", lists: both, holds: both, fields };
    await publishStreams(store, [cache]);
    await repair(store, await verify(store));
    const [record] = (await store.newest())?.streams ?? [];
    const state = record === undefined ? {} : await readStreamState(store, record);
    expect(state.distrusted).toMatchObject([{ fingerprint: hashOf("wrong") }]);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("takes a version with damaged bytes off the lists of a mirror, which is no longer the upstream's own", async () => {
    const store = createMemoryStore();
    const mirror = (name: string, lists: string[]): TinyStream => ({ name, origin: "mirror", lists });
    await publishStreams(store, [mirror("debian", ["a"]), mirror("ubuntu", ["b"])]);
    await store.quarantine(hashOf("a"));
    await repair(store, await verify(store));
    expect(await placesIn(store)).toEqual({ b: "here" });
    const streams = (await store.newest())?.streams ?? [];
    expect(streams.map(({ upstream }) => upstream?.isVerbatim)).toEqual([false, true]);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("takes a damaged delta of a mirror off the lists, and leaves the version, whose images are whole", async () => {
    const store = createMemoryStore();
    const lists = [...both, "squashfs.vcdiff", "manifest"];
    await publishStreams(store, [{ name: "debian", origin: "mirror", lists }]);
    await store.quarantine(hashOf("squashfs.vcdiff"));
    await store.quarantine(hashOf("manifest"));
    await repair(store, await verify(store));
    expect(await placesIn(store)).toEqual({ "lxd.tar.xz": "here", squashfs: "here" });
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("takes a delta off a mirror's lists with the version that it is against", async () => {
    const store = createMemoryStore();
    const lists = [...both, "squashfs.vcdiff", "manifest"];
    const fields = { delta_base: "a version that is not here" };
    await publishStreams(store, [{ name: "debian", origin: "mirror", lists, fields }]);
    await store.quarantine(hashOf("manifest"));
    await repair(store, await verify(store));
    expect(await placesIn(store)).toEqual({ "lxd.tar.xz": "here", squashfs: "here" });
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("goes back to older lists when the state of a cache is damaged, and holds what is still here", async () => {
    const store = createMemoryStore();
    const cache = (holds: string[]): TinyStream => ({
      name: "debian",
      origin: "cache",
      lists: ["a", "b", "c"],
      holds,
    });
    await publishStreams(store, [cache(["a", "b"])]);
    const { streams } = await publishStreams(store, [cache(["b", "c"])]);
    await store.quarantine(hashOf("a"));
    await store.quarantine(streams[0]?.upstream?.state?.sha256 ?? "");
    await repair(store, await verify(store));
    expect(await placesIn(store)).toEqual({ a: "upstream", b: "here", c: "upstream" });
    expect((await verify(store)).damaged).toEqual([]);
  });
});

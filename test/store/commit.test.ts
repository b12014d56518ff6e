import { describe, expect, it } from "vitest";

import { commit, type Draft } from "../../src/store/commit.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { codeOf, generationNumber } from "../contract/store.ts";
import { addText, draftOf, hashOf, listedBy, rollBack } from "./tiny-images.ts";

const draft: Draft = { reason: { verb: "add", text: "" }, rules: 1, streams: [], documents: {}, blobs: [] };
const quickly = { wait: async () => undefined };

describe("commit", () => {
  it("numbers generations from 1, each with its parent, a later time, and everything before it kept", async () => {
    const store = createMemoryStore();
    const now = (): number => Date.parse("2026-11-23T10:00:00Z");
    for (let round = 0; round < 3; round++) await commit(store, undefined, () => draft, { now });
    const [one, three] = [await store.generation(1), await store.newest()];
    expect(one).toMatchObject({ number: 1, parent: 0, keeps: [], createdAt: "2026-11-23T10:00:00.000Z" });
    expect(three).toMatchObject({
      number: 3,
      parent: 2,
      keeps: [[1, 2]],
      createdAt: "2026-11-23T10:00:00.002Z",
    });
    expect(one?.id).not.toBe(three?.id);
  });

  it("never goes back in time, when the clock does", async () => {
    const store = createMemoryStore();
    await commit(store, undefined, () => draft, { now: () => 5000 });
    const next = await commit(store, undefined, () => draft, { now: () => 1000 });
    expect(next?.createdAt).toBe("1970-01-01T00:00:05.001Z");
  });

  it("publishes nothing when there is nothing to do", async () => {
    const store = createMemoryStore();
    expect(await commit(store, undefined, () => undefined)).toBeUndefined();
    expect(await store.newest()).toBeUndefined();
  });

  it("keeps only what its parent kept, whatever is asked for", async () => {
    const store = createMemoryStore();
    for (let round = 0; round < 4; round++) await commit(store, undefined, () => draft);
    await commit(store, undefined, () => ({ ...draft, keeps: [[2, 3]] }));
    const next = await commit(store, undefined, () => ({ ...draft, keeps: [[1, 99]] }));
    expect(next?.keeps).toEqual([
      [2, 3],
      [5, 5],
    ]);
  });

  it("builds again on the winner after a lost race, so that nobody's change is lost", async () => {
    const store = createMemoryStore();
    const texts = Array.from({ length: 20 }, (_, index) => `image ${index}`);
    await Promise.all(texts.map((text) => addText(store, text, quickly)));
    const listed = await listedBy(store, await store.newest());
    expect(listed.toSorted()).toEqual(texts.map(hashOf).toSorted());
    expect((await store.newest())?.number).toBe(20);
  });

  it("gives up when others win for ever", async () => {
    const inner = createMemoryStore();
    const store: Store = Object.create(inner, { createIfAbsent: { value: async () => false } });
    for (const method of ["newest", "generation"] as const) {
      Object.defineProperty(store, method, { value: inner[method].bind(inner) });
    }
    expect(await codeOf(commit(store, undefined, () => ({ ...draft, blobs: "as base" }), quickly))).toBe(
      "STORE_BUSY",
    );
  });

  it("does not publish what lists a blob that is nowhere", async () => {
    const store = createMemoryStore();
    const nowhere = hashOf("nowhere");
    const result = commit(store, undefined, () => ({ ...draft, blobs: [nowhere] }));
    await expect(result).rejects.toMatchObject({ code: "BLOB_MISSING", details: { sha256: nowhere } });
    expect(await store.newest()).toBeUndefined();
  });

  it("takes back what was put aside, and places again what was deleted meanwhile", async () => {
    const store = createMemoryStore();
    await addText(store, "old");
    await store.retire(hashOf("old"), 1);
    const writer = await store.writer("add");
    const { sha256 } = await writer.put(Buffer.from("new"));
    let lost = false;
    await commit(
      store,
      writer,
      async (base) => {
        if (base?.number === 2) {
          // Between two tries: a prune at work.
          lost = true;
          await store.retire(sha256, 2);
          await store.deleteRetired({ sha256, size: 3, atGeneration: 2 });
        } else {
          // After this look at the base somebody else publishes.
          await store.createIfAbsent({
            ...generationNumber(2),
            streams: base?.streams ?? [],
            documents: base?.documents ?? {},
          });
        }
        return draftOf(writer, [...(await listedBy(store, base)), sha256], "add");
      },
      quickly,
    );
    expect(lost).toBe(true);
    const live = await store.liveBlobs();
    expect([live.has(sha256), live.has(hashOf("old"))]).toEqual([true, true]);
  });

  it("lists again what an older generation listed, without bringing bytes", async () => {
    const store = createMemoryStore();
    await addText(store, "one");
    await addText(store, "two");
    await rollBack(store, 1);
    expect(await listedBy(store, await store.newest())).toEqual([hashOf("one")]);
  });

  it("never publishes over newer rules or a newer format", async () => {
    const store = createMemoryStore();
    await commit(store, undefined, () => ({ ...draft, rules: 2 }));
    expect(await codeOf(commit(store, undefined, () => draft))).toBe("STORE_NEWER");
    await store.createIfAbsent(generationNumber(2, { format: 2 }));
    expect(await codeOf(commit(store, undefined, () => ({ ...draft, rules: 9 })))).toBe("STORE_NEWER");
    expect(await store.generation(3)).toBeUndefined();
  });
});

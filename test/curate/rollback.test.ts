import { describe, expect, it } from "vitest";
import { remove } from "../../src/curate/remove.ts";
import { rollback } from "../../src/curate/rollback.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { prune } from "../../src/store/prune.ts";
import { addTiny, listed } from "./tiny-site.ts";

describe("rollback", () => {
  it("publishes again what an earlier generation listed, as a new generation", async () => {
    const store = createMemoryStore();
    const first = await addTiny(store, "a", { version: "20260101_0000" });
    await addTiny(store, "b", { version: "20260102_0000" });
    const generation = await rollback(store, 1);
    expect(generation?.number).toBe(3);
    expect((await listed(store)).map((row) => row.fingerprint)).toEqual([first]);
  });

  it("can go back for one image stream alone", async () => {
    const store = createMemoryStore();
    await addTiny(store, "a");
    await remove(store, [(await listed(store))[0]?.fingerprint ?? ""]);
    await rollback(store, 1, { stream: "images" });
    expect(await listed(store)).toHaveLength(1);
    await expect(rollback(store, 1, { stream: "ubuntu" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("publishes nothing for the generation that is the newest", async () => {
    const store = createMemoryStore();
    await addTiny(store, "a");
    expect(await rollback(store, 1)).toBeUndefined();
    expect((await store.newest())?.number).toBe(1);
  });

  it("refuses a generation that is no longer kept, and one that never was", async () => {
    const store = createMemoryStore();
    await addTiny(store, "a", { version: "20260101_0000" });
    await addTiny(store, "b", { version: "20260102_0000" });
    await remove(store, ["tiny:1:default:amd64"]);
    await prune(store, { now: Date.now() + 1000, graceMs: 0 });
    await expect(rollback(store, 1)).rejects.toMatchObject({ code: "GENERATION_GONE" });
    await expect(rollback(store, 99)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

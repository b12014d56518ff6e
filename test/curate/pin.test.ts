import { describe, expect, it } from "vitest";
import { listPins } from "../../src/curate/list-pins.ts";
import { pin } from "../../src/curate/pin.ts";
import { pinWish } from "../../src/curate/pin-wish.ts";
import { remove } from "../../src/curate/remove.ts";
import { repair } from "../../src/curate/repair.ts";
import { retain } from "../../src/curate/retain.ts";
import { rollback } from "../../src/curate/rollback.ts";
import { unpin } from "../../src/curate/unpin.ts";
import { KEEP_ALL } from "../../src/retention/policy.ts";
import { keptGeneration } from "../../src/store/kept-generation.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { readPins } from "../../src/store/pins.ts";
import { prune } from "../../src/store/prune.ts";
import type { Store } from "../../src/store/store.ts";
import { verify } from "../../src/store/verify.ts";
import { addFiles } from "../../src/intake/files/add-files.ts";
import { temporaryFolder, writeTinyVm } from "../image/tiny-image.ts";
import { addTiny, listed } from "./tiny-site.ts";

const PRODUCT = "tiny:1:default:amd64";
const DAYS = [1, 2, 3, 4] as const;
const versionOf = (day: number): string => `2026010${day}_0000`;

/** Four builds of one product; resolves to their fingerprints, the oldest first. */
async function fourBuilds(): Promise<{ store: Store; fingerprints: readonly string[] }> {
  const store = createMemoryStore();
  const fingerprints: string[] = [];
  for (const day of DAYS)
    fingerprints.push(await addTiny(store, `build ${day}`, { version: versionOf(day) }));
  return { store, fingerprints };
}

const wish = (...words: readonly string[]) => pinWish(words, undefined);
const aliasWish = (alias: string) => pinWish([], alias);

/** What stays listed when one version is to be kept. */
async function keepOne(store: Store): Promise<string[]> {
  await retain(store, { ...KEEP_ALL, general: { versions: 1 } }, { now: Date.now() + 1000 });
  return (await listed(store)).map(({ version }) => version).sort();
}

async function pruneNow(store: Store): Promise<void> {
  await prune(store, { now: Date.now() + 10_000, graceMs: 0, freeNow: true });
}

describe("a pin", () => {
  it("on a fingerprint keeps the version of that image", async () => {
    const { store, fingerprints } = await fourBuilds();
    const [first = ""] = fingerprints;
    const { pins } = await pin(store, wish(first.slice(0, 10)), { note: "release 4.2" });
    expect(pins).toEqual([
      { kind: "image", fingerprint: first, note: "release 4.2", pinnedAt: expect.any(String) },
    ]);
    expect(await keepOne(store)).toEqual([versionOf(1), versionOf(4)]);
  });

  it("on a version keeps it, named by the product or by an alias", async () => {
    const { store } = await fourBuilds();
    await pin(store, wish(PRODUCT, versionOf(1)));
    await pin(store, wish(`tiny/1@${versionOf(2)}`));
    expect(await keepOne(store)).toEqual([versionOf(1), versionOf(2), versionOf(4)]);
  });

  it("on the newest version of an alias keeps that version, not what the alias means later", async () => {
    const { store } = await fourBuilds();
    await pin(store, wish("tiny/1"));
    await addTiny(store, "build 5", { version: versionOf(5) });
    await addTiny(store, "build 6", { version: versionOf(6) });
    expect(await keepOne(store)).toEqual([versionOf(4), versionOf(6)]);
  });

  it("on everything an alias leads to keeps what it led to in kept generations, and leads to from then on", async () => {
    const { store } = await fourBuilds();
    await retain(store, { ...KEEP_ALL, general: { versions: 2 } }, { now: Date.now() + 1000 });
    await pruneNow(store);
    // Of the generations before only the newest is complete, and in that the alias leads to the fourth build.
    await pin(store, aliasWish("tiny/1"));
    await addTiny(store, "build 5", { version: versionOf(5) });
    await addTiny(store, "build 6", { version: versionOf(6) });
    expect(await keepOne(store)).toEqual([versionOf(4), versionOf(5), versionOf(6)]);
    await unpin(store, aliasWish("tiny/1"));
    expect(await keepOne(store)).toEqual([versionOf(6)]);
  });

  it("on an alias counts what it led to in older generations that are complete", async () => {
    const { store } = await fourBuilds();
    await pin(store, aliasWish("tiny/1"));
    expect(await keepOne(store)).toEqual(DAYS.map(versionOf));
  });

  it("on a generation keeps it complete, whatever is taken off the lists", async () => {
    const { store, fingerprints } = await fourBuilds();
    await pin(store, wish("@2"));
    expect(await keepOne(store)).toEqual([versionOf(4)]);
    await pruneNow(store);
    const generation = await keptGeneration(store, "2");
    expect(generation.number).toBe(2);
    await expect(keptGeneration(store, "3")).rejects.toMatchObject({ code: "GENERATION_GONE" });
    await rollback(store, 2);
    expect((await listed(store)).map(({ fingerprint }) => fingerprint).sort()).toEqual(
      fingerprints.slice(0, 2).toSorted(),
    );
    expect((await verify(store)).damaged).toEqual([]);
    await unpin(store, wish("@2"));
    await addTiny(store, "later", { version: versionOf(7) });
    await pruneNow(store);
    await expect(keptGeneration(store, "2")).rejects.toMatchObject({ code: "GENERATION_GONE" });
  });

  it("on a generation that is no longer kept, or on nothing that is listed, is refused", async () => {
    const { store } = await fourBuilds();
    await keepOne(store);
    await pruneNow(store);
    await expect(pin(store, wish("@1"))).rejects.toMatchObject({ code: "GENERATION_GONE" });
    await expect(pin(store, wish("@99"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(pin(store, wish("nosuch"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(pin(store, wish(PRODUCT, "20200101_0000"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(pin(store, aliasWish("nosuch"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("on a version or an alias follows its images to the version that they become", async () => {
    const { store, fingerprints } = await fourBuilds();
    await pin(store, wish(PRODUCT, versionOf(1)), { note: "release 4.2" });
    await pin(store, aliasWish("tiny/1"));
    await addTiny(store, "build 1");
    const moved = (await listed(store)).find(({ fingerprint }) => fingerprint === fingerprints[0])?.version;
    expect(moved).not.toBe(versionOf(1));
    expect(await listPins(store)).toMatchObject([
      { pin: `${PRODUCT}@${moved}`, note: "release 4.2", inUse: true },
      { pin: "tiny/1" },
    ]);
    await addTiny(store, "build 2");
    await unpin(store, aliasWish("tiny/1"));
    await addTiny(store, "last", { version: "20301231_0000" });
    expect(await keepOne(store)).toEqual([moved, "20301231_0000"]);
  });

  it("set twice is one pin, and keeps its first note", async () => {
    const { store } = await fourBuilds();
    await pin(store, wish("@2"), { note: "first" });
    expect(await pin(store, wish("@2"), { note: "second" })).toMatchObject({
      generation: undefined,
      pins: [{ note: "first" }],
    });
    expect(await listPins(store)).toHaveLength(1);
  });

  it("renders nothing: clients get the documents that they had", async () => {
    const { store } = await fourBuilds();
    const before = await store.newest();
    const { generation } = await pin(store, wish("@2"));
    expect(generation?.documents).toEqual(before?.documents);
  });

  it("survives what others publish, and a repair", async () => {
    const { store } = await fourBuilds();
    await pin(store, wish("@2"));
    await addTiny(store, "later", { version: versionOf(7) });
    await repair(store, await verify(store));
    expect(await readPins(store, await store.newest())).toMatchObject([{ generation: 2 }]);
  });

  it("is shown with what it keeps", async () => {
    const { store, fingerprints } = await fourBuilds();
    const [first = ""] = fingerprints;
    await pin(store, wish(first));
    await pin(store, wish("@2"), { note: "audit" });
    const name = { stream: "images", product: PRODUCT, version: versionOf(1) };
    expect(await listPins(store)).toMatchObject([
      { kind: "image", pin: first.slice(0, 12), versions: [name], inUse: true, note: null },
      { kind: "generation", pin: "@2", generation: 2, versions: [], inUse: true, note: "audit" },
    ]);
    await remove(store, [first], { now: true });
    // The secret is gone, from the pinned generation as well.
    expect((await listPins(store)).map(({ inUse }) => inUse)).toEqual([false, false]);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("taken away from what has none is an error", async () => {
    const { store, fingerprints } = await fourBuilds();
    await expect(unpin(store, wish("@2"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(unpin(store, wish(fingerprints[0] ?? ""))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("removing a pinned image", () => {
  it("is refused, with what takes the pin away", async () => {
    const { store, fingerprints } = await fourBuilds();
    const [first = ""] = fingerprints;
    await pin(store, wish(first), { note: "release 4.2" });
    const refused = remove(store, [first]);
    await expect(refused).rejects.toMatchObject({
      code: "PINNED",
      message: `${PRODUCT} ${versionOf(1)} is pinned: release 4.2`,
      hint: expect.stringContaining(`headwater unpin ${first.slice(0, 12)}`),
    });
    await expect(remove(store, [PRODUCT])).rejects.toMatchObject({ code: "PINNED" });
    await unpin(store, wish(first.slice(0, 12)));
    await remove(store, [first]);
    expect(await listed(store)).toHaveLength(3);
  });

  it("at once, as a leaked secret, is not", async () => {
    const { store, fingerprints } = await fourBuilds();
    await pin(store, wish(fingerprints[0] ?? ""));
    const removed = await remove(store, [fingerprints[0] ?? ""], { now: true });
    expect(removed.purged?.deleted.length).toBeGreaterThan(0);
  });
});

describe("a rollback", () => {
  it("past a pinned image takes it off the lists, and pins the generation that has it", async () => {
    const { store, fingerprints } = await fourBuilds();
    await pin(store, wish(fingerprints[3] ?? ""));
    const before = await store.newest();
    const generation = await rollback(store, 2);
    expect(generation?.reason.text).toContain(`generation ${before?.number} is pinned`);
    expect(await listed(store)).toHaveLength(2);
    await addTiny(store, "later", { version: versionOf(7) });
    await pruneNow(store);
    expect((await keptGeneration(store, String(before?.number))).number).toBe(before?.number);
    expect((await listPins(store)).map((one) => one.pin)).toEqual([
      fingerprints[3]?.slice(0, 12),
      `@${before?.number}`,
    ]);
  });

  it("to other images of a pinned version counts as one past it", async () => {
    const store = createMemoryStore();
    await addTiny(store, "container", { version: versionOf(1) });
    const folder = await temporaryFolder();
    try {
      const { metadata, disk } = await writeTinyVm(folder.path, { salt: "container" });
      const { listed: machine } = await addFiles(store, [metadata, disk], { version: versionOf(1) });
      await pin(store, wish(machine.fingerprints[0] ?? ""));
      const before = await store.newest();
      await rollback(store, 1);
      expect((await listPins(store)).map((one) => one.pin)).toContain(`@${before?.number}`);
    } finally {
      await folder.remove();
    }
  });

  it("keeps the pins as they are", async () => {
    const { store, fingerprints } = await fourBuilds();
    await pin(store, wish(fingerprints[0] ?? ""));
    await rollback(store, 2);
    expect((await listPins(store)).map((one) => one.pin)).toEqual([fingerprints[0]?.slice(0, 12)]);
  });
});

describe("what is to be pinned", () => {
  it("is read from the words of a command line", () => {
    expect(wish("3fa9")).toEqual({ kind: "target", target: "3fa9" });
    expect(wish("debian/12@20261121_0304")).toEqual(wish("debian/12", "20261121_0304"));
    expect(wish("@2026-11-21")).toEqual({ kind: "generation", name: "2026-11-21" });
    expect(aliasWish("debian/12")).toEqual({ kind: "alias", alias: "debian/12" });
    for (const words of [[], ["a", "b", "c"], ["@4", "b"], ["a@b", "c"]])
      expect(() => pinWish(words, undefined)).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(() => pinWish(["a"], "b")).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

import { beforeEach, describe, expect, it } from "vitest";
import { remove } from "../../src/curate/remove.ts";
import { itemsOf } from "../../src/store/items.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { addTiny, listed } from "./tiny-site.ts";

let store: Store;

beforeEach(() => {
  store = createMemoryStore();
});

const debian = { os: "debian", release: "12" };

describe("remove", () => {
  it("takes one image by the beginning of its fingerprint, and the alias names the version before", async () => {
    await addTiny(store, "old", { ...debian, version: "20260101_0000" });
    const fingerprint = await addTiny(store, "new", { ...debian, version: "20260102_0000" });
    const removed = await remove(store, [fingerprint.slice(0, 12)]);
    expect((await listed(store)).map((row) => row.version)).toEqual(["20260101_0000"]);
    expect(removed.aliases).toContainEqual({ alias: "debian/12", version: "20260101_0000" });
  });

  it("takes by an alias what a client would get, the newest version, and no more", async () => {
    await addTiny(store, "old", { ...debian, version: "20260101_0000" });
    await addTiny(store, "new", { ...debian, version: "20260102_0000" });
    await remove(store, ["debian/12"]);
    expect((await listed(store)).map((row) => row.version)).toEqual(["20260101_0000"]);
  });

  it("takes by a product key all its versions, and says which aliases name nothing any more", async () => {
    await addTiny(store, "old", { ...debian, version: "20260101_0000" });
    await addTiny(store, "new", { ...debian, version: "20260102_0000" });
    const removed = await remove(store, ["debian:12:default:amd64"]);
    expect(await listed(store)).toEqual([]);
    expect(removed.aliases).toContainEqual({ alias: "debian/12", version: undefined });
  });

  it("leaves the files readable, since daemons keep an index for an hour", async () => {
    const fingerprint = await addTiny(store, "a");
    const before = await store.newest();
    if (before === undefined) throw new TypeError("the store is empty");
    const items = await itemsOf(store, before);
    await remove(store, [fingerprint]);
    for (const item of items.values()) expect(await store.sizeOf(item.sha256)).toBe(item.size);
  });

  it("with now takes the bytes out of every kept generation and off the disk", async () => {
    const leaked = await addTiny(store, "secret", { os: "a", release: "1" });
    await addTiny(store, "other", { os: "b", release: "1" });
    const image = (await listed(store)).find((row) => row.fingerprint === leaked);
    const removed = await remove(store, [leaked], { now: true });
    for (const file of image?.files ?? []) expect(await store.sizeOf(file.sha256)).toBeUndefined();
    expect(removed.purged?.gone).toEqual(expect.arrayContaining([1, 2]));
    expect((await listed(store)).map((row) => row.os)).toEqual(["b"]);
  });

  it("with now also takes what was removed before and is still served to clients with an older list", async () => {
    const leaked = await addTiny(store, "secret", { os: "a", release: "1" });
    await addTiny(store, "other", { os: "b", release: "1" });
    const image = (await listed(store)).find((row) => row.fingerprint === leaked);
    await remove(store, [leaked]);
    await expect(remove(store, [leaked])).rejects.toMatchObject({ code: "NOT_FOUND" });
    const removed = await remove(store, [leaked.slice(0, 12)], { now: true });
    expect(removed.images.map((row) => row.fingerprint)).toEqual([leaked]);
    for (const file of image?.files ?? []) expect(await store.sizeOf(file.sha256)).toBeUndefined();
    expect((await listed(store)).map((row) => row.os)).toEqual(["b"]);
  });

  it("names five images in history and counts the others", async () => {
    for (let day = 1; day <= 7; day++)
      await addTiny(store, `${day}`, { ...debian, version: `2026010${day}_0000` });
    await remove(store, ["debian:12:default:amd64"]);
    expect((await store.newest())?.reason.text).toMatch(
      /^(?:debian:12:default:amd64 \S+ \S+, ){5}and 2 more$/,
    );
  });

  it("says what is not listed, and takes an empty word for nothing", async () => {
    await addTiny(store, "a", { version: "20260101_0000" });
    await addTiny(store, "b", { version: "20260102_0000" });
    await expect(remove(store, ["nothing"])).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(remove(store, [""])).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await listed(store)).toHaveLength(2);
  });

  it("changes nothing on a dry run", async () => {
    const fingerprint = await addTiny(store, "a");
    expect((await remove(store, [fingerprint], { dryRun: true })).images).toHaveLength(1);
    expect(await listed(store)).toHaveLength(1);
  });

  it("leaves no documents behind an empty list, so that no client keeps an empty one", async () => {
    await remove(store, [await addTiny(store, "a")]);
    expect((await store.newest())?.documents).toEqual({});
    await addTiny(store, "b");
    expect(await listed(store)).toHaveLength(1);
  });
});

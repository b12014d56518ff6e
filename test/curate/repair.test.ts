import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listPins } from "../../src/curate/list-pins.ts";
import { pin } from "../../src/curate/pin.ts";
import { pinWish } from "../../src/curate/pin-wish.ts";
import { remove } from "../../src/curate/remove.ts";
import { repair } from "../../src/curate/repair.ts";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { numbersOf } from "../../src/store/keeps.ts";
import type { Store } from "../../src/store/store.ts";
import { verify } from "../../src/store/verify.ts";
import { temporaryFolder } from "../image/tiny-image.ts";
import { addTiny, listed } from "./tiny-site.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let store: Store;

beforeEach(async () => {
  folder = await temporaryFolder();
  store = await openDirectoryStore(join(folder.path, "data"), { create: true });
});

afterEach(async () => {
  await folder.remove();
});

const pathOf = (sha256: string): string => join(folder.path, "data/blobs", sha256.slice(0, 2), sha256);

async function rootOf(os: string): Promise<string> {
  const image = (await listed(store)).find((row) => row.os === os);
  return image?.files.at(-1)?.sha256 ?? "";
}

async function mend() {
  return repair(store, await verify(store));
}

describe("repair", () => {
  it("does nothing to a store that is whole", async () => {
    await addTiny(store, "a");
    expect(await mend()).toMatchObject({ generation: undefined, images: [], quarantined: [] });
    expect((await store.newest())?.number).toBe(1);
  });

  it.each([
    ["wrong bytes", async (path: string) => writeFile(path, randomBytes(4096))],
    ["a wrong size", async (path: string) => writeFile(path, "short")],
    ["no bytes", async (path: string) => rm(path)],
  ])("takes an image with %s off the lists and leaves the others", async (_what, damage) => {
    await addTiny(store, "a", { os: "a" });
    await addTiny(store, "b", { os: "b" });
    await damage(pathOf(await rootOf("a")));
    const repaired = await mend();
    expect(repaired.images.map((image) => image.os)).toEqual(["a"]);
    expect((await listed(store)).map((row) => row.os)).toEqual(["b"]);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("gives up the generations that list what is damaged, and no other", async () => {
    await addTiny(store, "a", { os: "a" });
    const root = await rootOf("a");
    await remove(store, ["a/1"]);
    await addTiny(store, "b", { os: "b" });
    await pin(store, pinWish(["@3"], undefined));
    await pin(store, pinWish(["@1"], undefined));
    await addTiny(store, "c", { os: "c" });
    await writeFile(pathOf(root), randomBytes(4096));
    expect(await mend()).toMatchObject({ images: [], pinsLost: [1], pinsFrom: undefined });
    expect([...numbersOf((await store.newest())?.keeps ?? [])]).toEqual([2, 3, 4, 5, 6]);
  });

  it("takes the pins of the generation before when the newest one's own are damaged, and says so", async () => {
    await addTiny(store, "a", { os: "a" });
    await pin(store, pinWish(["a/1"], undefined));
    await pin(store, pinWish(["@1"], undefined));
    await writeFile(pathOf((await store.newest())?.pins?.sha256 ?? ""), "{");
    expect(await mend()).toMatchObject({ pinsFrom: 2 });
    expect((await listPins(store)).map((one) => one.kind)).toEqual(["version"]);
    await writeFile(pathOf((await store.newest())?.pins?.sha256 ?? ""), "{");
    expect(await mend()).toMatchObject({ pinsFrom: 1 });
    expect(await listPins(store)).toEqual([]);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("heals a damaged image when its files are added again", async () => {
    const fingerprint = await addTiny(store, "a");
    await writeFile(pathOf(await rootOf("Tiny")), randomBytes(4096));
    await mend();
    expect(await addTiny(store, "a")).toBe(fingerprint);
    expect((await listed(store)).map((row) => row.fingerprint)).toEqual([fingerprint]);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("is not needed when the files of a damaged image are added again first", async () => {
    await addTiny(store, "a");
    await writeFile(pathOf(await rootOf("Tiny")), randomBytes(4096));
    await addTiny(store, "a");
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("renders a damaged document of the merged root anew and keeps every image", async () => {
    await addTiny(store, "a");
    const sha256 = (await store.newest())?.documents["streams/v1/images.json"]?.sha256 ?? "";
    await writeFile(pathOf(sha256), "{");
    const repaired = await mend();
    expect(repaired).toMatchObject({ images: [], listsFrom: undefined });
    expect(await listed(store)).toHaveLength(1);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("takes the lists of the generation before when the newest one's own list is damaged, and says so", async () => {
    await addTiny(store, "a", { os: "a" });
    await addTiny(store, "b", { os: "b" });
    const sha256 = (await store.newest())?.documents["images/streams/v1/images.json"]?.sha256 ?? "";
    await writeFile(pathOf(sha256), "{");
    expect((await mend()).listsFrom).toBe(1);
    expect((await listed(store)).map((row) => row.os)).toEqual(["a"]);
    expect((await verify(store)).damaged).toEqual([]);
  });
});

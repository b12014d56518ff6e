import { appendFileSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openOrMakeStore, openStore } from "../../src/compose.ts";
import { verify } from "../../src/store/verify.ts";
import { type Site, temporarySite } from "../cli/site.ts";
import { codeOf } from "../contract/store.ts";
import { carryIn, carryOut, imagesIn, newestOf } from "./carry.ts";
import { type SmallDisk, smallDisk } from "./small-disk.ts";

const MEGABYTE = 1024 * 1024;

let site: Site;
let file: string;
let disk: SmallDisk;

beforeEach(async () => {
  site = await temporarySite();
  file = join(site.folder, "site.hwb");
  disk = await smallDisk(16);
  for (const name of ["a", "b"]) {
    const [metadata, root] = await site.files(name);
    appendFileSync(root, Buffer.alloc(3 * MEGABYTE, name));
    await site.json("add", metadata, root, "--os", name);
  }
});
afterEach(async () => {
  await disk.remove();
  await site.remove();
});

describe("making a bundle", () => {
  it("on a disk that becomes full leaves nothing, and with room it is there", async (context) => {
    disk.need(context);
    await disk.fillUpTo(4 * MEGABYTE);
    const target = join(disk.folder, "site.hwb");
    expect(await codeOf(carryOut(site.data, target))).toBe("TARGET_FULL");
    expect(await codeOf(carryOut(site.data, target, { partSize: MEGABYTE }))).toBe("TARGET_FULL");
    expect(readdirSync(disk.folder)).toEqual(["lost+found"]);
    await rm(join(disk.folder, "lost+found"));
    await carryOut(site.data, target);
    expect(readdirSync(disk.folder)).toEqual(["site.hwb"]);
  });

  it("on another file system is as good as here; on one that is read-only it is refused", async (context) => {
    disk.need(context);
    const target = join(disk.folder, "site.hwb");
    await carryOut(site.data, target);
    await carryIn(join(site.folder, "far"), target);
    expect(await imagesIn(join(site.folder, "far"))).toHaveLength(2);
    disk.makeReadOnly();
    expect(await codeOf(carryOut(site.data, target, { force: true }))).toBe("TARGET_UNUSABLE");
    expect(await codeOf(carryOut(site.data, join(disk.folder, "other.hwb")))).toBe("TARGET_UNUSABLE");
  });
});

describe("applying a bundle", () => {
  it("on a disk that becomes full changes nothing and leaves nothing, and with room all is there", async (context) => {
    disk.need(context);
    await carryOut(site.data, file);
    const far = join(disk.folder, "far");
    await openOrMakeStore(far);
    await disk.fillUpTo(5 * MEGABYTE);
    expect(await codeOf(carryIn(far, file))).toBe("STORE_FULL");
    expect(await newestOf(far)).toBe(0);
    expect(readdirSync(join(far, "incoming"))).toEqual([]);
    await rm(join(disk.folder, "lost+found"));
    await carryIn(far, file);
    expect(await imagesIn(far)).toHaveLength(2);
    expect((await verify(await openStore(far))).damaged).toEqual([]);
  });

  it("to a store that is read-only is refused", async (context) => {
    disk.need(context);
    await carryOut(site.data, file);
    const far = join(disk.folder, "far");
    await openOrMakeStore(far);
    disk.makeReadOnly();
    expect(await codeOf(carryIn(far, file))).toBe("STORE_UNUSABLE");
  });

  it("that was stopped goes on where it was, without copying again what came", async () => {
    await carryOut(site.data, file);
    const far = join(site.folder, "far");
    const stopping = new AbortController();
    const stopped = carryIn(far, file, {
      signal: stopping.signal,
      onProgress: ({ bytes }) => {
        if (bytes > 4 * MEGABYTE) stopping.abort();
      },
    });
    await expect(stopped).rejects.toThrow();
    expect(await newestOf(far)).toBe(0);
    expect(await carryIn(far, file)).toMatchObject({ files: 1, generation: 1 });
    expect((await verify(await openStore(far))).damaged).toEqual([]);
    expect(readdirSync(join(far, "incoming"))).toEqual([]);
  });
});

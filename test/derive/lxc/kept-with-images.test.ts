import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { remove } from "../../../src/curate/remove.ts";
import { repair } from "../../../src/curate/repair.ts";
import { rollback } from "../../../src/curate/rollback.ts";
import { itemsOf } from "../../../src/store/items.ts";
import { prune } from "../../../src/store/prune.ts";
import { verify } from "../../../src/store/verify.ts";
import { needProgram } from "../../image/programs.ts";
import { tinyRootTar } from "../../image/tiny-image.ts";
import { type LxcSite, lxcSite } from "./lxc-site.ts";

const INDEX = "meta/1.0/index-system";

let site: LxcSite;

beforeEach(async (context) => {
  needProgram(context, "xz", "tar");
  site = await lxcSite();
});
afterEach(() => site.remove());

describe("what LXC has", () => {
  beforeEach(async () => {
    await site.add(gzipSync(await tinyRootTar()), { version: "20260101_0000" });
    await site.make();
  });

  it("is whole, and is kept by prune as long as it is listed", async () => {
    for (const again of [1, 2])
      await prune(site.store, { now: Date.now() + again, graceMs: 0, freeNow: true });
    expect((await verify(site.store)).damaged).toEqual([]);
    expect((await site.file("/rootfs.tar.xz")).length).toBeGreaterThan(0);
  });

  it("goes with its image, and the one before is there at once", async () => {
    await site.add(gzipSync(await tinyRootTar({ salt: "b" })), { version: "20260102_0000" }, { salt: "b" });
    await site.make();
    await remove(site.store, ["tiny/1"]);
    expect(await site.document(INDEX)).toMatch(/^[^\n]*;20260101_0000;[^\n]*\n$/);
    await remove(site.store, ["tiny/1"]);
    expect(await site.document(INDEX)).toBeUndefined();
  });

  it("goes from the disk with an image that must not stay", async () => {
    const newest = await site.store.newest();
    if (newest === undefined) throw new TypeError("the store is empty");
    const items = [...(await itemsOf(site.store, newest))].filter(([path]) => path.includes("/lxc/"));
    expect(items).toHaveLength(2);
    await remove(site.store, ["tiny/1"], { now: true });
    for (const [, { sha256 }] of items) expect(await site.store.sizeOf(sha256)).toBeUndefined();
  });

  it("is taken off the lists when it is damaged, without its image, and can be made again", async () => {
    const [, item] =
      [...(await itemsOf(site.store, (await site.store.newest()) ?? never()))].find(([path]) =>
        path.endsWith("/rootfs.tar.xz"),
      ) ?? never();
    const blob = join(site.store.name, "blobs", item.sha256.slice(0, 2), item.sha256);
    execFileSync("sh", ["-c", `echo damage > ${blob}`]);
    const repaired = await repair(site.store, await verify(site.store));
    expect(repaired.images).toEqual([]);
    expect(await site.document(INDEX)).toBeUndefined();
    expect(await site.make()).toMatchObject({ listed: 1 });
    expect((await verify(site.store)).damaged).toEqual([]);
  });

  it("is there after a rollback to a time before it was made", async () => {
    await site.add(gzipSync(await tinyRootTar({ salt: "b" })), { os: "other" }, { salt: "b" });
    await rollback(site.store, 1);
    expect(await site.document(INDEX)).toMatch(/^tiny;[^\n]*;20260101_0000;[^\n]*\n$/);
  });

  function never(): never {
    throw new TypeError("nothing is listed");
  }
});

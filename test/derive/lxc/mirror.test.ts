import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBlobFiles } from "../../../src/compose.ts";
import { exportTree } from "../../../src/export/tree/export-tree.ts";
import { verify } from "../../../src/store/verify.ts";
import { needProgram } from "../../image/programs.ts";
import { tinyRootTar } from "../../image/tiny-image.ts";
import { documentsOf, sync } from "../../intake/sync/tiny-upstream.ts";
import { filesIn } from "../../export/tree/walk-tree.ts";
import { type HostileSite, startSite } from "../../upstream/hostile-site.ts";
import { type LxcSite, lxcSite } from "./lxc-site.ts";

const INDEX = "meta/1.0/index-system";
const WANTED = { streams: new Set(["up"]) };

/** Another site, and a mirror of what it publishes. */
let other: LxcSite;
let upstream: HostileSite;
let mirror: LxcSite;

beforeEach(async (context) => {
  needProgram(context, "xz");
  other = await lxcSite();
  mirror = await lxcSite();
  upstream = await startSite();
  await publish("20260101_0000");
  await sync(mirror.store, upstream);
});
afterEach(async () => {
  await upstream?.close();
  await mirror?.remove();
  await other?.remove();
});

async function publish(version: string): Promise<void> {
  await other.add(gzipSync(await tinyRootTar({ salt: version })), { version }, { salt: version });
  const www = join(other.folder, "www");
  const how = {
    folder: www,
    graceMs: 0,
    link: "auto",
    force: false,
    signal: undefined,
    now: Date.now,
  } as const;
  await exportTree(other.store, openBlobFiles(other.store.name), { ...how, stream: "images" });
  for (const path of await filesIn(www)) upstream.set(path, await readFile(join(www, path)));
}

describe("a mirror with files for LXC", () => {
  it("lists them, and leaves the upstream's own documents as they came", async () => {
    const before = await documentsOf(mirror.store);
    expect(await mirror.make(WANTED)).toMatchObject({ failures: [], listed: 1 });
    expect(await mirror.document(INDEX)).toMatch(/^tiny;1;amd64;default;20260101_0000;\/up\/lxc\/.*\/\n$/);
    expect(await mirror.document("up/meta/1.0/index-user")).toMatch(/;\/lxc\/.*\/\n$/);
    for (const [path, text] of before) {
      if (path.startsWith("up/")) expect(await mirror.document(path)).toBe(text);
    }
    expect((await verify(mirror.store)).damaged).toEqual([]);
  });

  it("keeps them through syncs, and gets those of a new build", async () => {
    await mirror.make(WANTED);
    expect((await sync(mirror.store, upstream)).published).toBeUndefined();
    await publish("20260102_0000");
    await sync(mirror.store, upstream);
    expect(await mirror.document(INDEX)).toContain(";20260101_0000;");
    await mirror.make(WANTED);
    expect(await mirror.document(INDEX)).toMatch(/^[^\n]*;20260102_0000;[^\n]*\n$/);
  });

  it("has none as a cache", async () => {
    await mirror.make(WANTED);
    await sync(mirror.store, upstream, { mode: "cache" });
    expect(await mirror.document(INDEX)).toBeUndefined();
    const { made, leftOut } = await mirror.make(WANTED);
    expect(made).toEqual([]);
    expect(leftOut).toEqual([{ stream: "up", reason: expect.stringContaining("a cache") as string }]);
  });

  it("is not taken in by an upstream that lists what is made here", async () => {
    const index = {
      format: "index:1.0",
      index: {
        x: {
          path: "streams/v1/lxc.json",
          datatype: "image-downloads",
          format: "products:1.0",
          products: ["x"],
        },
      },
    };
    upstream.set("streams/v1/index.json", JSON.stringify(index));
    await expect(sync(mirror.store, upstream)).rejects.toMatchObject({ code: "UPSTREAM_WRONG" });
  });
});

import { execFileSync } from "node:child_process";
import { mkdtemp, open, readdir, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, type TestContext } from "vitest";
import { startFiller } from "../../../src/intake/cache/start-filler.ts";
import type { FillEvent } from "../../../src/intake/cache/protocol.ts";
import { directTransfers } from "../../../src/intake/transfer/direct.ts";
import { openDirectoryStore } from "../../../src/store/directory/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { verify } from "../../../src/store/verify.ts";
import { openHttpUpstream } from "../../../src/upstream/http/http-upstream.ts";
import { type HostileSite, startSite } from "../../upstream/hostile-site.ts";
import { heldPaths, pathsOf, put, sha256, sync, tinyUpstream } from "./tiny-upstream.ts";

const SMALL = { version: "20260101_0000", size: 1000 };
const LARGE = { version: "20260102_0000", size: 6_000_000 };

let folder = "";
let refusal = "";
let site: HostileSite;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-full-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], { stdio: "pipe" });
    refusal = "";
  } catch (error) {
    refusal = `cannot mount a small tmpfs (only root can): ${String(error).split("\n")[0]}`;
  }
  site = await startSite({ files: tinyUpstream([SMALL]) });
  store = await openDirectoryStore(folder, { create: true });
});
afterEach(async () => {
  await site.close();
  if (refusal === "") execFileSync("umount", ["-l", folder]);
  if (refusal === "") await rmdir(folder);
  else await rm(folder, { recursive: true });
});

function needsMount(context: TestContext): void {
  if (refusal !== "") context.skip(refusal);
}

/** Leaves so many bytes free. */
async function fillUpTo(bytes: number): Promise<void> {
  const file = await open(join(folder, "lost+found"), "w");
  await file.write(Buffer.alloc(8 * 1024 * 1024 - 700_000 - bytes));
  await file.close();
}

describe("a disk that becomes full", () => {
  it("in the middle of a sync: what was listed stays, nothing is left behind, and with room it goes on", async (context) => {
    needsMount(context);
    await sync(store, site);
    put(site, tinyUpstream([SMALL, LARGE]));
    await fillUpTo(3_000_000);
    await expect(sync(store, site)).rejects.toMatchObject({ code: "STORE_FULL" });
    expect(await heldPaths(store)).toEqual(Object.values(pathsOf(SMALL)).sort());
    expect((await verify(store)).damaged).toEqual([]);
    expect(await readdir(join(folder, "incoming"))).toEqual([]);
    await rm(join(folder, "lost+found"));
    expect(await sync(store, site)).toMatchObject({ failures: [], come: { images: 1 } });
    expect(await heldPaths(store)).toHaveLength(4);
  });

  it("in the middle of a fill: the clients are told, nothing is kept or left, and with room it comes", async (context) => {
    needsMount(context);
    put(site, tinyUpstream([SMALL, LARGE]));
    await sync(store, site, { mode: "cache" });
    await fillUpTo(3_000_000);
    const options = { url: site.url, ...(site.ca === undefined ? {} : { ca: site.ca }) };
    const { filler } = startFiller({
      store,
      upstreamOf: async () => options,
      maxSizeOf: async () => undefined,
      openTransfers: (writer) =>
        directTransfers({ store, writer, upstream: openHttpUpstream(options, "Headwater/test") }),
      log: { info: () => undefined, warn: () => undefined },
      // As if there were room: other programs fill disks, too.
      space: async () => ({ free: 1e12, total: 1e12 }),
    });
    const path = pathsOf(LARGE).root;
    const bytes = tinyUpstream([LARGE]).get(path) ?? "";
    const ask = async (): Promise<FillEvent> =>
      new Promise((resolve) => {
        filler.ask({ stream: "up", path, sha256: sha256(bytes), size: bytes.length }, (event) => {
          if ("failed" in event || "kept" in event) resolve(event);
        });
      });
    expect(await ask()).toMatchObject({ failed: { code: "STORE_FULL" } });
    expect(await heldPaths(store)).toEqual([]);
    expect(await readdir(join(folder, "incoming"))).toEqual([]);
    await rm(join(folder, "lost+found"));
    expect(await ask()).toEqual({ kept: true });
    expect(await heldPaths(store)).toEqual([path]);
    await filler.close();
  });
});

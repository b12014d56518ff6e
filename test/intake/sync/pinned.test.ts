import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pin } from "../../../src/curate/pin.ts";
import { pinWish } from "../../../src/curate/pin-wish.ts";
import { retain } from "../../../src/curate/retain.ts";
import { unpin } from "../../../src/curate/unpin.ts";
import { pinnedBlobs } from "../../../src/intake/cache/pinned-blobs.ts";
import { readStreams } from "../../../src/publish/read-streams.ts";
import { KEEP_ALL, type RetentionRules } from "../../../src/retention/policy.ts";
import { changeHeld } from "../../../src/store/hold.ts";
import { createMemoryStore } from "../../../src/store/memory/memory-store.ts";
import { prune } from "../../../src/store/prune.ts";
import type { Store } from "../../../src/store/store.ts";
import { verify } from "../../../src/store/verify.ts";
import { imageRows } from "../../../src/views/image-rows.ts";
import { type HostileSite, startSite } from "../../upstream/hostile-site.ts";
import {
  bytesOf,
  documentsOf,
  heldPaths,
  INDEX,
  keepNewest,
  pathsOf,
  PRODUCTS,
  put,
  sha256,
  sync,
  tinyUpstream,
} from "./tiny-upstream.ts";

const FIRST = { version: "20260101_0000" };
const SECOND = { version: "20260102_0000" };
const THIRD = { version: "20260103_0000" };
const DAY_MS = 24 * 60 * 60 * 1000;

let site: HostileSite;
let store: Store;

beforeEach(async () => {
  site = await startSite({ files: tinyUpstream([FIRST, SECOND]) });
  store = createMemoryStore();
});
afterEach(() => site.close());

function all(...versions: readonly (typeof FIRST)[]): string[] {
  return versions.flatMap((version) => Object.values(pathsOf(version))).sort();
}

async function listed(): Promise<string[]> {
  return imageRows(await readStreams(store, await store.newest()))
    .map(({ version }) => version)
    .sort();
}

async function pinVersion({ version }: typeof FIRST): Promise<void> {
  await pin(store, pinWish(["busy", version], undefined));
}

async function pruneNow(): Promise<void> {
  await prune(store, { now: Date.now() + 10_000, graceMs: 0, freeNow: true });
}

describe("a pinned version of a mirror", () => {
  it("stays when the upstream drops it, with all its files, until the pin is taken away", async () => {
    await sync(store, site);
    await pinVersion(FIRST);
    put(site, tinyUpstream([SECOND, THIRD]));
    await sync(store, site);
    await pruneNow();
    expect(await heldPaths(store)).toEqual(all(FIRST, SECOND, THIRD));
    expect((await verify(store)).damaged).toEqual([]);
    await unpin(store, pinWish(["busy"], undefined));
    await sync(store, site);
    expect(await heldPaths(store)).toEqual(all(SECOND, THIRD));
  });

  it("that is pinned during the sync that would drop it keeps that from being published", async () => {
    await sync(store, site);
    put(site, tinyUpstream([SECOND, THIRD]));
    let isPinned = false;
    const onEvent = (): void => {
      if (!isPinned) void pinVersion(FIRST);
      isPinned = true;
    };
    await expect(sync(store, site, {}, { onEvent })).rejects.toMatchObject({ code: "STORE_BUSY" });
    await sync(store, site);
    expect(await heldPaths(store)).toEqual(all(FIRST, SECOND, THIRD));
  });

  it("stays in an index of its own when the upstream drops the whole products file", async () => {
    await sync(store, site);
    await pinVersion(FIRST);
    const moved = tinyUpstream([THIRD]);
    site.set("streams/v1/moved.json", String(moved.get(PRODUCTS)).replaceAll('"busy"', '"other"'));
    site.set(
      INDEX,
      String(moved.get(INDEX)).replaceAll("images.json", "moved.json").replaceAll("busy", "other"),
    );
    for (const path of all(THIRD)) site.set(path, moved.get(path) ?? "");
    await sync(store, site);
    const { index } = JSON.parse((await documentsOf(store)).get(`up/${INDEX}`) ?? "") as {
      index: Record<string, { path: string; products: string[] }>;
    };
    expect(Object.values(index).map(({ path, products }) => [path, products])).toEqual([
      ["streams/v1/moved.json", ["other"]],
      [PRODUCTS, ["busy"]],
    ]);
    expect(await heldPaths(store)).toEqual(all(FIRST, THIRD));
  });

  it("stays whatever is selected and kept from then on", async () => {
    await sync(store, site);
    await pinVersion(FIRST);
    put(site, tinyUpstream([FIRST, SECOND, THIRD]));
    const select = (field: (name: string) => unknown) => field("version_name") === THIRD.version;
    await sync(store, site, { ...keepNewest(1), select, selectText: "the third" });
    expect(await heldPaths(store)).toEqual(all(FIRST, THIRD));
  });

  it("stays as it is when the upstream builds it anew under the same name", async () => {
    await sync(store, site);
    const before = imageRows(await readStreams(store, await store.newest())).find(
      ({ version }) => version === FIRST.version,
    );
    await pin(store, pinWish([before?.fingerprint ?? ""], undefined));
    put(site, tinyUpstream([{ ...FIRST, size: 5000 }, SECOND]));
    await sync(store, site);
    const rows = imageRows(await readStreams(store, await store.newest()));
    expect(rows.map(({ fingerprint }) => fingerprint)).toContain(before?.fingerprint);
    expect(await listed()).toEqual([FIRST.version, SECOND.version]);
  });
});

describe("rules for a mirror", () => {
  const rules = (general: RetentionRules) => ({
    retention: { ...KEEP_ALL, general, text: JSON.stringify(general) },
  });

  it("count for what the upstream dropped as for what it lists", async () => {
    const start = Date.UTC(2026, 1, 1);
    const policy = rules({ supersededForMs: 10 * DAY_MS });
    const at = (days: number) => ({ now: () => start + days * DAY_MS });
    await sync(store, site, policy, at(0));
    put(site, tinyUpstream([THIRD]));
    await sync(store, site, policy, at(5));
    expect(await listed()).toEqual([FIRST.version, SECOND.version, THIRD.version]);
    // The first was superseded when it came, the second five days later. Nobody has to ask the upstream for that.
    await retain(store, policy.retention, { now: start + 12 * DAY_MS });
    expect(await listed()).toEqual([SECOND.version, THIRD.version]);
    await retain(store, policy.retention, { now: start + 16 * DAY_MS });
    expect(await listed()).toEqual([THIRD.version]);
    await pruneNow();
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("do not copy again what they let go", async () => {
    const policy = rules({ supersededForMs: 10 * DAY_MS });
    const start = Date.UTC(2026, 1, 1);
    const at = (days: number) => ({ now: () => start + days * DAY_MS });
    await sync(store, site, policy, at(0));
    await retain(store, policy.retention, { now: start + 11 * DAY_MS });
    expect(await listed()).toEqual([SECOND.version]);
    put(site, tinyUpstream([FIRST, SECOND], "Wed, 11 Feb 2026 00:00:00 +0000"));
    const report = await sync(store, site, policy, at(11));
    expect(report.come.files).toBe(0);
    expect(await listed()).toEqual([SECOND.version]);
  });

  it("leave its own root true: what it lists is here", async () => {
    await sync(store, site);
    await retain(store, rules({ versions: 1 }).retention, { now: Date.now() });
    expect(await heldPaths(store)).toEqual(all(SECOND));
    expect((await store.newest())?.streams[0]?.upstream?.isVerbatim).toBe(false);
  });
});

describe("a pinned version of a cache", () => {
  const paths = pathsOf(FIRST);
  const bytes = [bytesOf(paths.metadata, 100), bytesOf(paths.root)];

  /** A client has asked for both files of the first version. */
  async function fill(): Promise<void> {
    await sync(store, site, { mode: "cache" });
    const writer = await store.writer("hold");
    for (const file of bytes) await writer.put(file);
    const add = bytes.map((file) => sha256(file));
    await changeHeld(store, writer, { stream: "up", reason: { verb: "cache", text: "" }, add });
    await writer.close();
  }

  it("is not evicted", async () => {
    await fill();
    await pinVersion(FIRST);
    const newest = await store.newest();
    if (newest === undefined) throw new Error("nothing is published");
    expect([...(await pinnedBlobs(store, newest))].sort()).toEqual(bytes.map((file) => sha256(file)).sort());
  });

  it("stays when the upstream drops it, when it is here", async () => {
    await fill();
    await pinVersion(FIRST);
    put(site, tinyUpstream([SECOND, THIRD]));
    await sync(store, site, { mode: "cache" });
    await pruneNow();
    expect(await listed()).toEqual([FIRST.version, SECOND.version, THIRD.version]);
    expect(await heldPaths(store)).toEqual(all(FIRST));
  });

  it("goes when the upstream drops it, when it is not here: the pin has said so", async () => {
    await sync(store, site, { mode: "cache" });
    const { notHeld } = await pin(store, pinWish(["busy", FIRST.version], undefined));
    expect(notHeld).toMatchObject([{ version: FIRST.version, held: false }]);
    put(site, tinyUpstream([SECOND]));
    await sync(store, site, { mode: "cache" });
    expect(await listed()).toEqual([SECOND.version]);
  });

  it("that a pinned generation holds is not evicted either", async () => {
    await fill();
    const number = (await store.newest())?.number ?? 0;
    await pin(store, pinWish([`@${number}`], undefined));
    const newest = await store.newest();
    if (newest === undefined) throw new Error("nothing is published");
    const kept = await pinnedBlobs(store, newest);
    for (const file of bytes) expect(kept.has(sha256(file))).toBe(true);
  });
});

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { remove } from "../../../src/curate/remove.ts";
import { rollback } from "../../../src/curate/rollback.ts";
import { removeUpstream } from "../../../src/intake/sync/with-stream.ts";
import { parseSelection } from "../../../src/simplestreams/selection.ts";
import { createMemoryStore } from "../../../src/store/memory/memory-store.ts";
import { readStreamState } from "../../../src/store/stream-state.ts";
import type { Store } from "../../../src/store/store.ts";
import { type HostileSite, startSite } from "../../upstream/hostile-site.ts";
import {
  documentsOf,
  heldPaths,
  INDEX,
  pathsOf,
  PRODUCTS,
  put,
  sync,
  keepNewest,
  tinyUpstream,
} from "./tiny-upstream.ts";

const FIRST = { version: "20260101_0000" };
const SECOND = { version: "20260102_0000" };
const THIRD = { version: "20260103_0000" };
const HOUR_MS = 60 * 60 * 1000;

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

describe("a mirror", () => {
  it("of everything is the upstream's own bytes, and holds every file", async () => {
    const report = await sync(store, site);
    expect(report).toMatchObject({
      published: 1,
      come: { images: 2, files: 4 },
      go: { images: 0 },
      failures: [],
    });
    expect(await heldPaths(store)).toEqual(all(FIRST, SECOND));
    const documents = await documentsOf(store);
    const files = tinyUpstream([FIRST, SECOND]);
    expect(documents.get(`up/${INDEX}`)).toBe(files.get(INDEX));
    expect(documents.get(`up/${PRODUCTS}`)).toBe(files.get(PRODUCTS));
    expect((await store.newest())?.streams[0]?.upstream?.isVerbatim).toBe(true);
    // The merged root has both dialects.
    expect(documents.get(PRODUCTS)).toContain('"ftype":"lxd.tar.xz"');
  });

  it("publishes nothing when nothing is new, and asks for no file again", async () => {
    await sync(store, site);
    const before = site.log.length;
    const report = await sync(store, site);
    expect(report).toMatchObject({ published: undefined, isUnchanged: true });
    expect(site.log.slice(before).map(({ status }) => status)).toEqual([304, 304]);
  });

  it("follows the upstream: what it dropped goes, what is new comes", async () => {
    await sync(store, site);
    put(site, tinyUpstream([SECOND, THIRD]));
    const report = await sync(store, site);
    expect(report).toMatchObject({
      come: { images: 1, files: 2 },
      go: { images: 1, files: 2 },
      stay: { images: 1 },
    });
    expect(await heldPaths(store)).toEqual(all(SECOND, THIRD));
  });

  it("keeps the newest builds, also those that the upstream dropped, and says since when", async () => {
    await sync(store, site, keepNewest(2));
    put(site, tinyUpstream([THIRD]));
    await sync(store, site, keepNewest(2));
    expect(await heldPaths(store)).toEqual(all(SECOND, THIRD));
    const [stream] = (await store.newest())?.streams ?? [];
    const { dropped } = stream === undefined ? {} : await readStreamState(store, stream);
    expect(dropped).toEqual([{ product: "busy", version: SECOND.version, seenAt: expect.any(String) }]);
    expect(stream?.upstream?.isVerbatim).toBe(false);
  });

  it("lets go what the upstream dropped once its time is over", async () => {
    const keepDroppedMs = 10 * HOUR_MS;
    const at = (hours: number) => ({ now: () => Date.UTC(2026, 1, 1) + hours * HOUR_MS });
    await sync(store, site, { keepDroppedMs }, at(0));
    put(site, tinyUpstream([SECOND]));
    await sync(store, site, { keepDroppedMs }, at(5));
    expect(await heldPaths(store)).toEqual(all(FIRST, SECOND));
    await sync(store, site, { keepDroppedMs }, at(11));
    expect(await heldPaths(store)).toEqual(all(SECOND));
  });

  it("copies what is selected, and its index names exactly that, with every key", async () => {
    const select = parseSelection(`version_name=${SECOND.version} ftype=squashfs,incus.tar.xz`);
    await sync(store, site, { select, selectText: "x" });
    expect(await heldPaths(store)).toEqual(all(SECOND));
    const products = JSON.parse((await documentsOf(store)).get(`up/${PRODUCTS}`) ?? "") as {
      products: { busy: object };
    };
    expect(products.products.busy).toMatchObject({ my_key: { kept: true } });
    expect(JSON.stringify(products)).not.toContain(FIRST.version);
  });

  it("takes over what a try that was stopped has brought", async () => {
    const controller = new AbortController();
    const stopped = sync(
      store,
      site,
      { parallel: 1 },
      {
        signal: controller.signal,
        onEvent: (event) => {
          if (event.kind === "end" && event.path.endsWith("squashfs")) controller.abort(new Error("stop"));
        },
      },
    );
    await expect(stopped).rejects.toThrow("stop");
    expect(await store.newest()).toBeUndefined();
    const before = site.log.length;
    await sync(store, site);
    const asked = site.log
      .slice(before)
      .map(({ path }) => path)
      .filter((path) => path.startsWith("images/"));
    expect(asked).toHaveLength(1);
    expect(await heldPaths(store)).toEqual(all(FIRST, SECOND));
  });

  it("says in a dry run what would be, and writes nothing, not even a note", async () => {
    const report = await sync(store, site, {}, { dryRun: true });
    expect(report).toMatchObject({ published: undefined, come: { images: 2, files: 4 } });
    expect(await store.newest()).toBeUndefined();
    expect(await store.readNote("upstreams/up")).toBeUndefined();
    expect(site.log.some(({ path }) => path.startsWith("images/"))).toBe(false);
  });

  it("leaves one bad image out and brings the rest; the next sync tries again", async () => {
    const { root } = pathsOf(FIRST);
    site.remove(root);
    const report = await sync(store, site);
    expect(report.failures.map(({ path }) => path)).toEqual([root]);
    expect(await heldPaths(store)).toEqual(all(SECOND));
    site.set(root, tinyUpstream([FIRST]).get(root) ?? "");
    expect(await sync(store, site)).toMatchObject({ failures: [], come: { images: 1 } });
    expect(await heldPaths(store)).toEqual(all(FIRST, SECOND));
    expect((await store.newest())?.streams[0]?.upstream?.isVerbatim).toBe(true);
  });

  it("never lists an image whose fingerprint is not that of its files", async () => {
    put(site, tinyUpstream([{ ...FIRST, lies: true }, SECOND]));
    const report = await sync(store, site);
    expect(report.failures).toHaveLength(1);
    expect(String(report.failures[0]?.error)).toContain("expected the fingerprint");
    expect(await heldPaths(store)).toEqual(all(SECOND));
  });

  it("believes an older state only after it has lasted", async () => {
    const now = (hours: number) => ({ now: () => Date.UTC(2026, 0, 10, hours) });
    put(site, tinyUpstream([FIRST, SECOND], "Sat, 10 Jan 2026 00:00:00 +0000"));
    await sync(store, site, {}, now(1));
    put(site, tinyUpstream([FIRST], "Fri, 09 Jan 2026 00:00:00 +0000"));
    expect(await sync(store, site, {}, now(2))).toMatchObject({ isOlder: true, published: undefined });
    expect(await sync(store, site, {}, now(5))).toMatchObject({ isOlder: true });
    expect(await heldPaths(store)).toEqual(all(FIRST, SECOND));
    expect(await sync(store, site, {}, now(9))).toMatchObject({ isOlder: false, published: 2 });
    expect(await heldPaths(store)).toEqual(all(FIRST));
  });

  it("is taken off the lists with everything it brought, and nothing else", async () => {
    await sync(store, site);
    await removeUpstream(store, "up");
    expect((await store.newest())?.streams).toEqual([]);
    expect(await removeUpstream(store, "up")).toBeUndefined();
  });
});

describe("a cache", () => {
  it("lists everything, holds nothing, and fetches no file", async () => {
    expect(await sync(store, site, { mode: "cache" })).toMatchObject({ come: { images: 2 }, fetched: 0 });
    expect(await heldPaths(store)).toEqual([]);
    expect((await documentsOf(store)).get(`up/${PRODUCTS}`)).toBe(
      tinyUpstream([FIRST, SECOND]).get(PRODUCTS),
    );
    expect(site.log.some(({ path }) => path.startsWith("images/"))).toBe(false);
  });

  it("serves the last good list for as long as the upstream fails, and notes since when", async () => {
    await sync(store, site, { mode: "cache" });
    site.misbehave(INDEX, { kind: "status", status: 500 });
    for (const day of [1, 2]) {
      const now = () => Date.UTC(2026, 5, day);
      await expect(sync(store, site, { mode: "cache" }, { now })).rejects.toMatchObject({
        code: "UPSTREAM_REFUSED",
      });
    }
    const note = JSON.parse((await store.readNote("upstreams/up")) ?? "{}") as {
      lastError: { since: string; at: string };
    };
    expect(note.lastError).toMatchObject({
      since: "2026-06-01T00:00:00.000Z",
      at: "2026-06-02T00:00:00.000Z",
    });
    expect((await documentsOf(store)).get(`up/${PRODUCTS}`)).toContain(FIRST.version);
    site.misbehave(INDEX, undefined);
    await sync(store, site, { mode: "cache" });
    expect(JSON.parse((await store.readNote("upstreams/up")) ?? "{}")).not.toHaveProperty("lastError");
  });

  it("that becomes a mirror fetches what it lacks", async () => {
    await sync(store, site, { mode: "cache" });
    await sync(store, site, { mode: "mirror" });
    expect(await heldPaths(store)).toEqual(all(FIRST, SECOND));
  });
});

describe("what is done with images", () => {
  it("removing is for what was added here", async () => {
    await sync(store, site);
    await expect(remove(store, ["busy/1"])).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("the upstream up"),
    });
    expect(await store.newest()).toMatchObject({ number: 1 });
  });

  it("rolling back leaves upstreams as they are now", async () => {
    await sync(store, site);
    put(site, tinyUpstream([THIRD]));
    await sync(store, site);
    await rollback(store, 1);
    expect(await heldPaths(store)).toEqual(all(THIRD));
    await expect(rollback(store, 1, { stream: "up" })).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("several upstreams", () => {
  it("change places when the configuration does, though nothing is new", async () => {
    for (const name of ["one", "two"])
      await sync(store, site, { name, mode: "cache" }, { order: ["one", "two"] });
    for (const name of ["one", "two"])
      await sync(store, site, { name, mode: "cache" }, { order: ["two", "one"] });
    expect((await store.newest())?.streams.map(({ name }) => name)).toEqual(["two", "one"]);
  });

  it("are listed in the configured order, after what is made here, and say which aliases are hidden", async () => {
    const order = ["one", "two"];
    await sync(store, site, { name: "two", mode: "cache" }, { order });
    const first = await sync(store, site, { name: "one", mode: "cache" }, { order });
    expect((await store.newest())?.streams.map(({ name }) => name)).toEqual(order);
    expect(first.hiddenAliases).toEqual([]);
    const second = await sync(
      store,
      site,
      { name: "two", mode: "cache", aliasPrefix: "", ...keepNewest(1) },
      { order },
    );
    expect(second.hiddenAliases).toEqual([{ stream: "two", alias: "busy/1", owner: "one" }]);
  });

  it("with a prefix are listed beside each other", async () => {
    put(site, tinyUpstream([{ ...FIRST, product: "other" }]));
    await sync(store, site, { name: "one", mode: "cache" });
    put(site, tinyUpstream([{ ...SECOND, product: "other" }]));
    await sync(store, site, { name: "two", mode: "cache", aliasPrefix: "two/" });
    const merged = (await documentsOf(store)).get(PRODUCTS) ?? "";
    expect(merged).toContain('"aliases":"other/1"');
    expect(merged).toContain('"aliases":"two/other/1"');
  });
});

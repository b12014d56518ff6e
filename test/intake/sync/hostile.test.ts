import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HeadwaterError } from "../../../src/error.ts";
import { createMemoryStore } from "../../../src/store/memory/memory-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { type HostileSite, type Misbehaviour, startSite } from "../../upstream/hostile-site.ts";
import {
  bytesOf,
  documentsOf,
  heldPaths,
  INDEX,
  keepNewest,
  pathsOf,
  PRODUCTS,
  put,
  sync,
  tinyUpstream,
} from "./tiny-upstream.ts";

const GOOD = { version: "20260101_0000" };
const BAD = { version: "20260102_0000" };
const { root } = pathsOf(BAD);

let site: HostileSite;
let store: Store;

beforeEach(async () => {
  site = await startSite({ files: tinyUpstream([GOOD]) });
  store = createMemoryStore();
  await sync(store, site);
  put(site, tinyUpstream([GOOD, BAD]));
});
afterEach(() => site.close());

/** What was true before is still served, and nothing else. */
async function expectUntouched(): Promise<void> {
  expect(await heldPaths(store)).toEqual(Object.values(pathsOf(GOOD)).sort());
  expect((await documentsOf(store)).get(`up/${PRODUCTS}`)).not.toContain(BAD.version);
  expect((await store.newest())?.number).toBe(1);
}

describe("a list that cannot be true", () => {
  const lists: readonly (readonly [string, string, Misbehaviour])[] = [
    ["HTML with 200", PRODUCTS, { kind: "html" }],
    ["HTML for the index", INDEX, { kind: "html" }],
    ["more than 64 MiB", PRODUCTS, { kind: "endless", bytes: 200 * 1024 * 1024 }],
    ["a gzip bomb", PRODUCTS, { kind: "gzip bomb", bytes: 500 * 1024 * 1024 }],
    ["a hundred thousand levels", PRODUCTS, { kind: "nested", levels: 100_000 }],
    ["a cut in the middle", PRODUCTS, { kind: "truncate", at: 100 }],
    ["nothing", PRODUCTS, { kind: "other bytes", bytes: Buffer.alloc(0) }],
    ["an empty object", INDEX, { kind: "other bytes", bytes: Buffer.from("{}") }],
    ["no products at all", PRODUCTS, { kind: "other bytes", bytes: Buffer.from('{"products":{}}') }],
    ["NUL bytes", INDEX, { kind: "other bytes", bytes: Buffer.alloc(500) }],
    ["404 for the index", INDEX, { kind: "status", status: 404 }],
    ["404 for the products file", PRODUCTS, { kind: "status", status: 404 }],
    ["an error", PRODUCTS, { kind: "status", status: 500 }],
    ["a redirect to another host", PRODUCTS, { kind: "redirect", to: "https://images.example/x" }],
    ["a redirect in a circle", PRODUCTS, { kind: "redirect", to: `/${PRODUCTS}` }],
  ];

  it.each(lists)("%s: the last good one stays, with one clear error", async (_what, path, how) => {
    site.misbehave(path, how);
    const error: unknown = await sync(store, site).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(HeadwaterError);
    expect(String(error)).toMatch(/^HeadwaterError: .*127\.0\.0\.1/);
    await expectUntouched();
    expect(JSON.parse((await store.readNote("upstreams/up")) ?? "")).toHaveProperty("lastError.message");
    site.misbehave(path, undefined);
    expect(await sync(store, site)).toMatchObject({ come: { images: 1 }, failures: [] });
  });
});

describe("a short list that asks for a million images", () => {
  it("is refused before anything is made of it, and what was listed stays", async () => {
    const items: Record<string, unknown> = {};
    for (let at = 0; at < 1000; at++) {
      const file = { path: `a/${at}`, size: 1, sha256: "1".repeat(64) };
      items[`m${at}`] = { ftype: "incus.tar.xz", ...file, combined_squashfs_sha256: "2".repeat(64) };
      items[`r${at}`] = { ftype: "squashfs", ...file };
    }
    const products = { p: { arch: "amd64", versions: { "20260101": { items } } } };
    await sync(store, site);
    site.misbehave(PRODUCTS, { kind: "other bytes", bytes: Buffer.from(JSON.stringify({ products })) });
    await expect(sync(store, site)).rejects.toMatchObject({
      code: "DOCUMENT_TOO_LARGE",
      message: expect.stringContaining("expected at most 100000 images, got 1000000"),
    });
    site.misbehave(PRODUCTS, undefined);
    expect(await heldPaths(store)).toHaveLength(4);
  });
});

describe("a file that is not what it should be", () => {
  const whole = bytesOf(root);
  const flipped = Buffer.from(whole);
  flipped[1500] = (flipped[1500] ?? 0) ^ 1;
  const files: readonly (readonly [string, Misbehaviour])[] = [
    ["other bytes of the same length", { kind: "other bytes", bytes: flipped }],
    ["too short", { kind: "other bytes", bytes: whole.subarray(0, 2000) }],
    ["too long", { kind: "longer", by: 5 }],
    ["announced too long", { kind: "announces", length: 999_999 }],
    ["gone", { kind: "status", status: 404 }],
    ["a page", { kind: "html" }],
    ["encoded", { kind: "gzip" }],
    ["cut at the first byte, always", { kind: "truncate", at: 0 }],
    ["redirected for ever", { kind: "redirect", to: `/${root}` }],
    ["redirected to plain http", { kind: "redirect", to: "http://192.0.2.1/x" }],
  ];

  it.each(files)("%s: it is left out and told, the rest is served", async (_what, how) => {
    site.misbehave(root, how);
    const { failures, come } = await sync(store, site);
    expect(failures.map(({ path, error }) => [path, error instanceof HeadwaterError])).toEqual([
      [root, true],
    ]);
    expect(come.images).toBe(0);
    expect(await heldPaths(store)).toEqual(Object.values(pathsOf(GOOD)).sort());
    expect((await documentsOf(store)).get(`up/${PRODUCTS}`)).not.toContain(BAD.version);
    site.misbehave(root, undefined);
    expect((await sync(store, site)).failures).toEqual([]);
    expect(await heldPaths(store)).toHaveLength(4);
  });

  it("that breaks off at any byte is gone on with, and a range is asked for", async () => {
    for (const at of [1, 100, 1499, 2998, 2999]) {
      site.misbehave(root, { kind: "truncate", at }, 1);
      const fresh = createMemoryStore();
      const before = site.log.length;
      expect((await sync(fresh, site)).failures).toEqual([]);
      const ranges = site.log
        .slice(before)
        .filter(({ path }) => path === root)
        .map(({ range }) => range);
      // What had left the server may have come or not when the connection broke.
      expect(ranges[0]).toBeUndefined();
      expect(await heldPaths(fresh)).toHaveLength(4);
    }
    expect(site.log.some(({ path, range }) => path === root && range !== undefined)).toBe(true);
  });

  it("is right also where the upstream sends all of it to a request for a part", async () => {
    site.misbehave(root, { kind: "truncate", at: 1500 }, 1);
    site.misbehave(root, { kind: "ignores range" }, 1);
    expect((await sync(store, site)).failures).toEqual([]);
    expect(await heldPaths(store)).toHaveLength(4);
  });
});

describe("an upstream that changes under our eyes", () => {
  it("between index and products file: what it lists then is what counts", async () => {
    const later = tinyUpstream([BAD]);
    site.set(PRODUCTS, later.get(PRODUCTS) ?? "");
    await sync(store, site);
    expect(await heldPaths(store)).toEqual(Object.values(pathsOf(BAD)).sort());
  });

  it("listing files that it has removed: they are not listed here", async () => {
    site.remove(root);
    site.remove(pathsOf(BAD).metadata);
    const { failures } = await sync(store, site);
    expect(failures).toHaveLength(2);
    expect((await documentsOf(store)).get(`up/${PRODUCTS}`)).not.toContain(BAD.version);
  });

  it("whose newest version cannot be had does not push out the one before, however little is kept", async () => {
    for (const how of ["missing", "other bytes", "wrong fingerprint"]) {
      put(site, tinyUpstream([GOOD, { ...BAD, lies: how === "wrong fingerprint" }]));
      if (how === "missing") site.misbehave(root, { kind: "status", status: 404 });
      else if (how === "other bytes") site.misbehave(root, { kind: "other bytes", bytes: bytesOf("x") });
      const report = await sync(store, site, keepNewest(1));
      site.misbehave(root, undefined);
      expect(report.failures).toHaveLength(1);
      expect(report.go.images).toBe(0);
      expect(await heldPaths(store)).toEqual(Object.values(pathsOf(GOOD)).sort());
    }
    put(site, tinyUpstream([GOOD, BAD]));
    await sync(store, site, keepNewest(1));
    expect(await heldPaths(store)).toEqual(Object.values(pathsOf(BAD)).sort());
  });

  it("building anew under the same name what cannot be had: what is here stays", async () => {
    put(site, tinyUpstream([{ ...GOOD, size: 5000 }]));
    site.misbehave(pathsOf(GOOD).root, { kind: "status", status: 404 });
    expect((await sync(store, site)).failures).toHaveLength(1);
    expect(await heldPaths(store)).toEqual(Object.values(pathsOf(GOOD)).sort());
    site.misbehave(pathsOf(GOOD).root, undefined);
    expect(await sync(store, site)).toMatchObject({ come: { images: 1 }, go: { images: 1 }, failures: [] });
  });

  it("naming paths that lead elsewhere: never asked for", async () => {
    const files = tinyUpstream([GOOD, BAD]);
    for (const path of ["//127.0.0.1:1/x", "http://127.0.0.1:1/x", "../../etc/passwd", "/etc/passwd"]) {
      site.set(PRODUCTS, String(files.get(PRODUCTS)).replaceAll(`"${root}"`, JSON.stringify(path)));
      const { oddities } = await sync(store, site);
      expect(oddities.join()).toContain("leads nowhere below this upstream");
      expect(await heldPaths(store)).toEqual(
        Object.values(pathsOf(GOOD)).concat(pathsOf(BAD).metadata).sort(),
      );
    }
    expect(site.log.every(({ path }) => !path.includes("passwd"))).toBe(true);
  });

  it("with a certificate that has expired: nothing of it is believed", async () => {
    const expired = await startSite({ files: tinyUpstream([BAD]), tls: "expired" });
    try {
      await expect(sync(store, expired)).rejects.toMatchObject({ code: "UPSTREAM_UNREACHABLE" });
      await expectUntouched();
    } finally {
      await expired.close();
    }
  });
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openBlobFiles, openOrMakeStore } from "../../../src/compose.ts";
import { checkTree } from "../../../src/export/tree/check-tree.ts";
import { exportTree } from "../../../src/export/tree/export-tree.ts";
import type { Store } from "../../../src/store/store.ts";
import {
  bytesOf,
  INDEX,
  pathsOf,
  PRODUCTS,
  sha256,
  sync,
  tinyUpstream,
} from "../../intake/sync/tiny-upstream.ts";
import { type HostileSite, startSite } from "../../upstream/hostile-site.ts";
import { listedIn, wrongFiles } from "./walk-tree.ts";

/** An upstream's own bytes may name anything that a URL can. */
const GOOD = { version: "20260101_0000" };
const ODD = { version: "20260102_0000", product: "odd" };
const LONG = `images/${"l".repeat(256)}/root`;

let folder: string;
let store: Store;
let site: HostileSite;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-odd-paths-"));
  store = await openOrMakeStore(join(folder, "store"));
});
afterEach(async () => {
  await site.close();
  await rm(folder, { recursive: true });
});

/** An upstream whose odd product lists these files besides its own. */
async function mirrored(...paths: readonly string[]): Promise<void> {
  const files = tinyUpstream([GOOD, ODD]);
  const products = JSON.parse(String(files.get(PRODUCTS))) as {
    products: { odd: { versions: Record<string, { items: Record<string, object> }> } };
  };
  for (const path of paths) {
    const bytes = Buffer.from(files.get(path) ?? bytesOf(path));
    files.set(path, bytes);
    const { items = {} } = products.products.odd.versions[ODD.version] ?? {};
    items[path] = { ftype: "other", path, sha256: sha256(bytes), size: bytes.length };
  }
  files.set(PRODUCTS, JSON.stringify(products));
  site = await startSite({ files });
  await sync(store, site);
}

async function exported(stream?: string) {
  const www = join(folder, "www");
  const wishes = {
    graceMs: 0,
    link: "auto",
    force: false,

    signal: undefined,
    now: Date.now,
  } as const;
  const report = await exportTree(store, openBlobFiles(store.name), { folder: www, stream, ...wishes });
  expect(await wrongFiles(www)).toEqual([]);
  if (stream === undefined) expect(await wrongFiles(join(www, "up"))).toEqual([]);
  const differing = await checkTree(store, www, { stream, signal: undefined });
  expect(differing).toMatchObject({ missing: [], differing: [], extra: [] });
  return { report, listed: (await listedIn(www)).map(({ path }) => path) };
}

const { metadata, root } = pathsOf(GOOD);

it("leaves out a file whose name no file system holds, says so, and lists everything else", async () => {
  await mirrored(LONG);
  const { report, listed } = await exported();
  expect(report.unplaceable).toEqual([`up/${LONG}`]);
  expect(report.notHeld).toEqual([]);
  expect(new Set(listed)).toEqual(
    new Set([metadata, root, ...Object.values(pathsOf(ODD))].map((path) => `up/${path}`)),
  );
});

it("leaves out a file where others need a folder, and an image that has it", async () => {
  await mirrored(`${pathsOf(ODD).root}/below`);
  const { report, listed } = await exported();
  expect(report.unplaceable).toEqual([`up/${pathsOf(ODD).root}`]);
  expect(new Set(listed)).toEqual(new Set([`up/${metadata}`, `up/${root}`]));
});

it("leaves out a file in the place of a list", async () => {
  await mirrored(INDEX);
  expect((await exported()).report.unplaceable).toEqual([`up/${INDEX}`]);
});

it("leaves out a file below a list", async () => {
  await mirrored(`${PRODUCTS}/below`);
  expect((await exported()).report.unplaceable).toEqual([`up/${PRODUCTS}/below`]);
});

it("leaves out a file in the place of what an export notes", async () => {
  await mirrored(".headwater-export/tree.json");
  expect((await exported("up")).report.unplaceable).toEqual(["up/.headwater-export/tree.json"]);
});

it("leaves out sums where a file has their name", async () => {
  await mirrored(`images/odd/${ODD.version}/SHA256SUMS/below`);
  expect((await exported()).report.unplaceable).toEqual([]);
});

import { mkdtemp, rm } from "node:fs/promises";
import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBlobFiles, openOrMakeStore } from "../../../src/compose.ts";
import { checkTree } from "../../../src/export/tree/check-tree.ts";
import { type ExportReport, exportTree } from "../../../src/export/tree/export-tree.ts";
import { changeHeld } from "../../../src/store/hold.ts";
import type { Store } from "../../../src/store/store.ts";
import { bytesOf, INDEX, pathsOf, PRODUCTS, sync, tinyUpstream } from "../../intake/sync/tiny-upstream.ts";
import { verifyClearsigned, verifyDetached } from "../../../src/upstream/signature.ts";
import { newSigner, signedStore } from "../../signing/keys.ts";
import { codeOf } from "../../contract/store.ts";
import { type HostileSite, startSite } from "../../upstream/hostile-site.ts";
import { filesIn, listedIn, wrongCopies, wrongFiles } from "./walk-tree.ts";

const VERSIONS = [
  { version: "20260101_0000" },
  { version: "20260102_0000" },
  { version: "20260101_0000", product: "other" },
];

let folder: string;
let www: string;
let store: Store;
let site: HostileSite;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-held-"));
  www = join(folder, "www");
  store = await openOrMakeStore(join(folder, "store"));
  site = await startSite({ files: tinyUpstream(VERSIONS) });
});
afterEach(async () => {
  await site.close();
  await rm(folder, { recursive: true });
});

async function exported(stream?: string, from = store): Promise<ExportReport> {
  const wishes = {
    folder: www,
    graceMs: 0,
    link: "auto",
    force: false,

    signal: undefined,
    now: Date.now,
  } as const;
  return exportTree(from, openBlobFiles(store.name), { ...wishes, stream });
}

/** As if clients had asked for these files of the cache. */
async function fill(...paths: readonly string[]): Promise<void> {
  const writer = await store.writer("fill");
  const added: string[] = [];
  for (const path of paths)
    added.push((await writer.put(bytesOf(path, path.endsWith("xz") ? 100 : 3000))).sha256);
  await changeHeld(store, writer, { stream: "up", reason: { verb: "fill", text: "" }, add: added });
  await writer.close();
}

describe("a tree of a store with a cache", () => {
  it("lists what is held and nothing else, in the merged root and in the cache's own", async () => {
    await sync(store, site, { mode: "cache" });
    const [newest] = VERSIONS.slice(1, 2);
    const held = pathsOf(newest ?? { version: "" });
    await fill(held.metadata, held.root);
    expect(await exported()).toMatchObject({
      listed: { files: 2 },
      notHeld: [{ stream: "up", files: 4, bytes: 2 * 3100 }],
    });
    const paths = [`up/${held.metadata}`, `up/${held.root}`];
    expect(new Set((await listedIn(www)).map(({ path }) => path))).toEqual(new Set(paths));
    expect(await listedIn(join(www, "up"))).toMatchObject([{ path: held.metadata }, { path: held.root }]);
    for (const root of [www, join(www, "up")]) expect(await wrongFiles(root)).toEqual([]);
    expect(await wrongCopies(www)).toEqual([]);
    const index = JSON.parse(readFileSync(join(www, "up/streams/v1/index.json"), "utf8")) as unknown;
    expect(index).toMatchObject({ index: { images: { products: ["busy"] } } });
    expect(await checkTree(store, www, { signal: undefined })).toMatchObject({
      missing: [],
      differing: [],
      extra: [],
    });
    // Without a change the lists come out the same.
    expect(await exported()).toMatchObject({ come: { files: 0 }, written: { files: 0 } });
  });

  it("leaves out a cache of which nothing is here, and is refused when nothing else is", async () => {
    await sync(store, site, { mode: "cache" });
    expect(await codeOf(exported())).toBe("NOT_FOUND");
    expect(existsSync(www)).toBe(false);
  });

  it("leaves out a version of which only a part is here", async () => {
    await sync(store, site, { mode: "cache" });
    const [one, other] = VERSIONS.map(pathsOf);
    await fill(one?.metadata ?? "", one?.root ?? "", other?.metadata ?? "");
    await exported();
    expect(new Set((await listedIn(www)).map(({ path }) => path))).toEqual(
      new Set([`up/${one?.metadata}`, `up/${one?.root}`]),
    );
    expect(await wrongFiles(join(www, "up"))).toEqual([]);
  });

  it("loses what the cache lets go", async () => {
    await sync(store, site, { mode: "cache" });
    const [one, two] = VERSIONS.map(pathsOf);
    await fill(one?.metadata ?? "", one?.root ?? "", two?.metadata ?? "", two?.root ?? "");
    await exported();
    const sha256 = (await listedIn(www)).find(({ path }) => path === `up/${one?.root}`)?.sha256 ?? "";
    const reason = { verb: "evict", text: "" };
    await changeHeld(store, await store.writer("evict"), { stream: "up", reason, remove: [sha256] });
    await exported();
    expect(await filesIn(www)).not.toContain(`up/${one?.root}`);
    expect(await wrongFiles(www)).toEqual([]);
  });

  it("has the lists that were made anew signed as those of the store are, and is left alone when it is right", async () => {
    const signer = await newSigner(join(folder, "keys"));
    const signed = signedStore(store, signer);
    await sync(signed, site, { mode: "cache" });
    const held = pathsOf(VERSIONS[1] ?? { version: "" });
    await fill(held.metadata, held.root);
    expect(await exported(undefined, signed)).toMatchObject({ omitted: [] });
    const key = Buffer.from(await signer.publicKey());
    for (const path of [INDEX, PRODUCTS, `up/${INDEX}`, `up/${PRODUCTS}`]) {
      const [list, detached] = [path, `${path}.gpg`].map((name) => readFileSync(join(www, name)));
      await verifyDetached(list ?? key, detached ?? key, key, path);
      const clear = readFileSync(join(www, path.replace(".json", ".sjson")));
      const named = String(list).replaceAll('"streams/v1/images.json"', '"streams/v1/images.sjson"');
      expect(JSON.parse((await verifyClearsigned(clear, key, path)).text)).toEqual(JSON.parse(named));
    }
    expect(await exported(undefined, signed)).toMatchObject({ written: { files: 0 } });
    const difference = await checkTree(signed, www, { signal: undefined });
    expect(difference).toMatchObject({ missing: [], differing: [], extra: [] });
    // Another key signs all of them again.
    const other = signedStore(store, await newSigner(join(folder, "other-keys")));
    expect(await exported(undefined, other)).toMatchObject({ written: { files: 4 * 3 } });
    // Without one nothing is exported, unless that is wanted.
    expect(await codeOf(exported())).toBe("KEY_UNUSABLE");
    const unsigned = signedStore(store, undefined, true);
    expect((await exported(undefined, unsigned)).omitted).toContain(PRODUCTS.replace(".json", ".sjson"));
    expect((await filesIn(www)).filter((path) => path.endsWith(".gpg"))).toEqual([]);
  });

  it("of a mirror has the upstream's own documents", async () => {
    await sync(store, site, { mode: "mirror" });
    expect(await exported()).toMatchObject({ listed: { files: 6 }, notHeld: [], omitted: [] });
    const products = readFileSync(join(www, "up/streams/v1/images.json"), "utf8");
    expect(products).toBe(tinyUpstream(VERSIONS).get("streams/v1/images.json")?.toString());
    for (const root of [www, join(www, "up")]) expect(await wrongFiles(root)).toEqual([]);
    await exported("up").catch((error: unknown) => expect(error).toMatchObject({ code: "TARGET_UNUSABLE" }));
  });
});

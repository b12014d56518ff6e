import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openOrMakeStore, openStore } from "../../../src/compose.ts";
import { removeUpstream } from "../../../src/intake/sync/with-stream.ts";
import { parseSelection } from "../../../src/simplestreams/selection.ts";
import { publish } from "../../../src/publish/publish.ts";
import type { ImageStream } from "../../../src/views/image-stream.ts";
import type { Store } from "../../../src/store/store.ts";
import { carryIn, carryOut, imagesIn, listOf } from "../../bundle/carry.ts";
import { type Site, temporarySite } from "../../cli/site.ts";
import { codeOf } from "../../contract/store.ts";
import { type HostileSite, startSite } from "../../upstream/hostile-site.ts";
import {
  documentsOf,
  heldPaths,
  INDEX,
  pathsOf,
  PRODUCTS,
  put,
  sha256,
  sync,
  tinyUpstream,
} from "../sync/tiny-upstream.ts";

const OLD = { version: "20260101_0000" };
const NEW = { version: "20260102_0000" };
const OTHER = { version: "20260101_0000", product: "quiet" };

let site: Site;
let far: string;
let file: string;
let upstream: HostileSite;
let store: Store;

beforeEach(async () => {
  site = await temporarySite();
  far = join(site.folder, "far");
  file = join(site.folder, "site.hwb");
  upstream = await startSite({ files: tinyUpstream([OLD, OTHER]) });
  store = await openOrMakeStore(site.data);
});
afterEach(async () => {
  await upstream.close();
  await site.remove();
});

async function upstreamIn(data: string) {
  const generation = await (await openStore(data)).newest();
  return generation?.streams.find(({ name }) => name === "up")?.upstream;
}

function withOtherDocument(stream: ImageStream): ImageStream {
  const { upstream: before } = stream;
  const record = before?.documents.get(INDEX);
  if (before === undefined || record === undefined) return stream;
  const documents = new Map([...before.documents, ["meta/1.0/index-system", record] as const]);
  return { ...stream, upstream: { ...before, documents } };
}

describe("the image stream of an upstream", () => {
  it("keeps its name, its documents byte for byte, and says where it is from; nobody asks there", async () => {
    await sync(store, upstream);
    await carryOut(site.data, file);
    await carryIn(far, file);
    expect(await imagesIn(far)).toEqual(await imagesIn(site.data));
    const [here, there] = [await documentsOf(store), await documentsOf(await openStore(far))];
    for (const path of [INDEX, PRODUCTS]) expect(there.get(`up/${path}`)).toBe(here.get(`up/${path}`));
    const bundle = { store: (await listOf(file)).store, stream: "up", id: (await listOf(file)).id };
    expect(await upstreamIn(far)).toMatchObject({
      url: upstream.url,
      isPublic: true,
      isVerbatim: true,
      offline: true,
      bundle,
    });
  });

  it("has what was chosen of it; a later bundle brings the rest and takes away what left", async () => {
    await sync(store, upstream);
    await carryOut(site.data, file, { selections: [parseSelection("product_name=busy")] });
    await carryIn(far, file);
    expect(await heldPaths(await openStore(far))).toEqual(Object.values(pathsOf(OLD)).sort());
    expect(await upstreamIn(far)).toMatchObject({ isVerbatim: false });
    put(upstream, tinyUpstream([NEW, OTHER]));
    await sync(store, upstream);
    await carryOut(site.data, `${file}2`, { since: await listOf(file) });
    const report = await carryIn(far, `${file}2`);
    expect(report.streams).toEqual([{ name: "up", from: "up", come: 2, go: 1, stay: 0 }]);
    expect(await imagesIn(far)).toEqual(await imagesIn(site.data));
  });

  it("comes with its lists and what is signed of them, and with nothing else that stands beside them", async () => {
    await sync(store, upstream);
    const writer = await store.writer("test");
    await publish(store, writer, (streams) => ({
      reason: { verb: "test", text: "" },
      streams: streams.map(withOtherDocument),
    }));
    await writer.close();
    expect((await documentsOf(store)).has("up/meta/1.0/index-system")).toBe(true);
    await carryOut(site.data, file);
    const carried = (await listOf(file)).documents
      .map(({ path }) => path)
      .filter((path) => path.startsWith("up/"));
    expect(carried.sort()).toEqual([`up/${PRODUCTS}`, `up/${INDEX}`]);
  });

  it("has no delta whose base was not chosen", async () => {
    const files = tinyUpstream([OLD, NEW]);
    const delta = Buffer.from("a small difference");
    const text = JSON.parse(String(files.get(PRODUCTS))) as {
      products: { busy: { versions: Record<string, { items: Record<string, object> }> } };
    };
    const { items } = text.products.busy.versions[NEW.version] ?? { items: {} };
    items["root.delta"] = {
      ftype: "squashfs.vcdiff",
      path: "images/busy/delta.vcdiff",
      sha256: sha256(delta),
      size: delta.byteLength,
      delta_base: OLD.version,
    };
    put(upstream, files.set("images/busy/delta.vcdiff", delta).set(PRODUCTS, JSON.stringify(text)));
    await sync(store, upstream);
    await carryOut(site.data, file);
    expect((await listOf(file)).files.map(({ path }) => path)).toContain("up/images/busy/delta.vcdiff");
    await carryOut(site.data, `${file}2`, { selections: [parseSelection(`version_name=${NEW.version}`)] });
    expect((await listOf(`${file}2`)).files.map(({ path }) => path)).toEqual(
      Object.values(pathsOf(NEW)).map((path) => `up/${path}`),
    );
    await carryIn(far, `${file}2`);
  });

  it("of a cache has what is here, and the bundle says how much is not", async () => {
    await sync(store, upstream, { mode: "cache" });
    expect(await codeOf(carryOut(site.data, file))).toBe("NOT_FOUND");
    await site.json("add", ...(await site.files("a")));
    expect(await carryOut(site.data, file)).toMatchObject({ images: 1, notHeld: 4 });
    expect((await listOf(file)).streams.map(({ name }) => name)).toEqual(["images"]);
  });

  it("that nothing is left of goes on the other side too", async () => {
    await sync(store, upstream);
    await site.json("add", ...(await site.files("a")));
    await carryOut(site.data, file);
    await carryIn(far, file);
    await removeUpstream(store, "up");
    await carryOut(site.data, `${file}2`, { since: await listOf(file) });
    const report = await carryIn(far, `${file}2`);
    expect(report.streams.find(({ name }) => name === "up")).toEqual({
      name: "up",
      from: "up",
      come: 0,
      go: 2,
      stay: 0,
    });
    expect((await imagesIn(far)).map((row) => row.split(" ")[0])).toEqual(["carried"]);
    // Of what nobody asked for nothing is said.
    await carryOut(site.data, `${file}3`, { since: await listOf(file), streams: ["images"] });
    expect((await listOf(`${file}3`)).streams.map(({ name }) => name)).toEqual(["images"]);
  });

  it("does not take the place of one that is read here, unless that is wanted", async () => {
    await sync(store, upstream);
    await carryOut(site.data, file);
    await sync(await openOrMakeStore(far), upstream);
    expect(await codeOf(carryIn(far, file))).toBe("NAME_TAKEN");
    await carryIn(far, file, { names: new Map([["up", "theirs"]]) });
    await carryIn(join(site.folder, "third"), file);
    expect(await carryIn(far, file, { force: true, names: new Map([["up", "up"]]) })).toMatchObject({
      isUnchanged: false,
    });
    expect((await upstreamIn(far))?.bundle?.stream).toBe("up");
  });
});

describe("documents that a site signed", () => {
  it("arrive with their signatures", async () => {
    await site.json("add", ...(await site.files("a")));
    expect((await site.run(["key", "new"])).status).toBe(0);
    const { status, stderr } = await site.run(["bundle", "create", file]);
    expect([status, stderr.includes("not signed")]).toEqual([0, false]);
    await carryIn(far, file);
    const [here, there] = [
      await documentsOf(await openStore(site.data)),
      await documentsOf(await openStore(far)),
    ];
    const path = "streams/v1/index.sjson";
    expect(there.get(`carried/${path}`)).toBe(here.get(`images/${path}`));
    expect(there.get(`carried/${path}`)).toContain("BEGIN PGP SIGNATURE");
    expect(readFileSync(file).includes("key.asc")).toBe(true);
  });
});

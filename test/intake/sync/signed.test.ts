import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMessage, generateKey, sign } from "openpgp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { directTransfers } from "../../../src/intake/transfer/direct.ts";
import { syncUpstream } from "../../../src/intake/sync/sync-upstream.ts";
import { parseSelection } from "../../../src/simplestreams/selection.ts";
import type { DocumentRecord } from "../../../src/store/generation.ts";
import { createMemoryStore } from "../../../src/store/memory/memory-store.ts";
import type { Signer } from "../../../src/store/signer.ts";
import type { Store } from "../../../src/store/store.ts";
import { openHttpUpstream } from "../../../src/upstream/http/http-upstream.ts";
import { verifyClearsigned } from "../../../src/upstream/signature.ts";
import { addTiny, listed } from "../../curate/tiny-site.ts";
import { failureOf } from "../../image/failure.ts";
import { ask } from "../../server/ask.ts";
import { type Site, startSite as serve } from "../../server/site.ts";
import { newSigner, signedStore } from "../../signing/keys.ts";
import { sstreamText } from "../../signing/sstream-reader.ts";
import { type HostileSite, startSite } from "../../upstream/hostile-site.ts";
import { documentsOf, INDEX, POLICY, PRODUCTS, put, sync, tinyUpstream } from "./tiny-upstream.ts";

let folder: string;
let signer: Signer;
let store: Store;
let site: HostileSite;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-signed-sync-"));
  signer = await newSigner(join(folder, "keys"));
  store = signedStore(createMemoryStore(), signer);
  site = await startSite();
});
afterEach(async () => {
  await site.close();
  await rm(folder, { recursive: true, force: true });
});

async function records(): Promise<Readonly<Record<string, DocumentRecord>>> {
  return (await store.newest())?.documents ?? {};
}

/** An upstream whose documents have detached signatures of its own key. */
async function signedUpstream(versions: Parameters<typeof tinyUpstream>[0]): Promise<Uint8Array> {
  const { privateKey, publicKey } = await generateKey({ userIDs: [{ name: "Upstream" }], format: "object" });
  const files = tinyUpstream(versions);
  put(site, files);
  for (const path of [INDEX, PRODUCTS]) {
    const message = await createMessage({ binary: Buffer.from(String(files.get(path))) });
    site.set(`${path}.gpg`, await sign({ message, signingKeys: privateKey, detached: true }));
  }
  return new TextEncoder().encode(publicKey.armor());
}

const TWO = [{ version: "20260101_0000" }, { product: "other", version: "20260101_0000" }];

describe("an upstream's own root, in a store that signs", () => {
  it("keeps the upstream's signatures, and gets none of ours, while it is the upstream's own bytes", async () => {
    const keyring = await signedUpstream(TWO);
    await sync(store, site, { signatures: "required", keyring });
    const own = Object.entries(await records()).filter(([path]) => path.startsWith("up/"));
    expect(own.map(([path]) => path).sort()).toEqual(
      [INDEX, `${INDEX}.gpg`, PRODUCTS, `${PRODUCTS}.gpg`].map((path) => `up/${path}`).sort(),
    );
    expect(own.filter(([, { signedBy }]) => signedBy !== undefined)).toEqual([]);
    expect((await records())["streams/v1/index.sjson"]?.signedBy).toBe(signer.fingerprint);
  });

  it("is signed here once it is rewritten, and has nothing of the upstream's signatures", async () => {
    const keyring = await signedUpstream(TWO);
    await sync(store, site, { signatures: "required", keyring, select: parseSelection("os=busy") });
    const own = Object.entries(await records()).filter(([path]) => path.startsWith("up/"));
    const forms = (path: string): string[] => [`${path}.json`, `${path}.json.gpg`, `${path}.sjson`];
    expect(own.map(([path]) => path).sort()).toEqual(
      ["index", "images"].flatMap((name) => forms(`up/streams/v1/${name}`)).sort(),
    );
    const texts = await documentsOf(store);
    const products = texts.get("up/streams/v1/images.sjson") ?? "";
    const ours = new TextEncoder().encode(await signer.publicKey());
    await verifyClearsigned(new TextEncoder().encode(products), ours, "the products file");
    expect(JSON.parse(sstreamText(products))).toEqual(JSON.parse(texts.get(`up/${PRODUCTS}`) ?? ""));
    expect(sstreamText(texts.get("up/streams/v1/index.sjson") ?? "")).toContain('"streams/v1/images.sjson"');
  });

  it("is not published again by a sync that finds nothing new, and not signed again by another publication", async () => {
    put(site, tinyUpstream(TWO));
    await sync(store, site, { select: parseSelection("os=busy") });
    const before = await records();
    expect((await sync(store, site, { select: parseSelection("os=busy") })).published).toBeUndefined();
    // The same with everything fetched and rewritten anew, which another policy brings about.
    const again = { select: parseSelection("os=busy"), believeOlderAfterMs: 1 };
    expect((await sync(store, site, again)).published).toBeUndefined();
    await addTiny(store, "a");
    const after = await records();
    const own = Object.keys(before).filter((path) => path.startsWith("up/"));
    expect(own).toHaveLength(6);
    for (const path of own) expect(after[path]).toEqual(before[path]);
    expect(after["streams/v1/images.sjson"]?.sha256).not.toBe(before["streams/v1/images.sjson"]?.sha256);
  });

  it("loses our signatures when it is the upstream's own bytes again", async () => {
    put(site, tinyUpstream(TWO));
    await sync(store, site, { select: parseSelection("os=busy") });
    await sync(store, site, { believeOlderAfterMs: 1 });
    const own = Object.keys(await records()).filter((path) => path.startsWith("up/"));
    expect(own.sort()).toEqual([`up/${INDEX}`, `up/${PRODUCTS}`].sort());
  });
});

describe("a Headwater that mirrors another one", () => {
  let far: Site | undefined;
  let near: Store;
  beforeEach(() => {
    near = createMemoryStore();
  });
  afterEach(() => far?.close());

  async function mirror(url: string, keyring: Uint8Array, signatures: "required" | "off" = "required") {
    const upstream = openHttpUpstream({ url }, "Headwater/test");
    const wait = async (): Promise<void> => undefined;
    try {
      return await syncUpstream(
        { ...POLICY, name: "far", url, signatures, keyring },
        {
          store: near,
          upstream,
          openTransfers: (writer) => directTransfers({ store: near, writer, upstream, wait }),
          order: ["far"],
          wait,
        },
      );
    } finally {
      await upstream.close();
    }
  }

  it("believes what its key signed: the merged root, one image stream, and how it was", async () => {
    const fingerprint = await addTiny(store, "a");
    await addTiny(store, "b", { release: "2" });
    far = await serve({ store });
    const keyring = new TextEncoder().encode(await signer.publicKey());
    const url = `http://127.0.0.1:${far.proxied}`;
    for (const [root, count] of [
      ["", 2],
      ["/images", 2],
      ["/@1", 1],
    ] as const) {
      near = createMemoryStore();
      const report = await mirror(`${url}${root}`, keyring);
      expect([root, report.oddities, report.failures]).toEqual([root, [], []]);
      const fingerprints = (await listed(near)).map((image) => image.fingerprint);
      expect(fingerprints).toContain(fingerprint);
      expect(new Set(fingerprints).size).toBe(count);
    }
    const documents = await documentsOf(near);
    expect(documents.has("far/streams/v1/index.sjson")).toBe(true);
    expect(documents.has("far/streams/v1/images.sjson")).toBe(true);
  });

  it("believes nothing that another key signed, and nothing unsigned", async () => {
    await addTiny(store, "a");
    far = await serve({ store });
    const url = `http://127.0.0.1:${far.proxied}`;
    const other = new TextEncoder().encode(await (await newSigner(join(folder, "other"))).publicKey());
    expect(await failureOf(mirror(url, other))).toMatchObject({ code: "UPSTREAM_UNTRUSTED" });
    await addTiny(signedStore(store, undefined, true), "b", { release: "2" });
    const ours = new TextEncoder().encode(await signer.publicKey());
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await failureOf(mirror(url, ours))).toMatchObject({ code: "UPSTREAM_UNTRUSTED" });
    expect(await near.newest()).toBeUndefined();
  });
});

describe("signatures over HTTP", () => {
  it("have types of their own, and are cached as the documents beside them", async () => {
    await addTiny(store, "a");
    const far = await serve({ store });
    try {
      const answer = async (path: string) =>
        ask(path, { port: far.port, ca: far.ca, headers: { "Accept-Encoding": "identity" } });
      const [json, clear, detached] = await Promise.all(
        ["index.json", "index.sjson", "index.json.gpg"].map((name) => answer(`/streams/v1/${name}`)),
      );
      expect([clear?.status, detached?.status]).toEqual([200, 200]);
      expect(clear?.headers["content-type"]).toBe("text/plain; charset=utf-8");
      expect(detached?.headers["content-type"]).toBe("application/pgp-signature");
      for (const one of [clear, detached]) {
        expect(one?.headers["cache-control"]).toBe(json?.headers["cache-control"]);
        expect(one?.headers["etag"]).toBeDefined();
      }
      expect(String(clear?.body)).toMatch(/^-----BEGIN PGP SIGNED MESSAGE-----/);
    } finally {
      await far.close();
    }
  });
});

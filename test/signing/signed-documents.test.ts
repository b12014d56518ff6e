import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keysOf, openOrMakeStore } from "../../src/compose.ts";
import { addAlias } from "../../src/curate/alias.ts";
import { rollback } from "../../src/curate/rollback.ts";
import { publishAgain } from "../../src/publish/render-anew.ts";
import { signatures } from "../../src/publish/signatures.ts";
import { readDocument } from "../../src/store/documents.ts";
import type { DocumentRecord, Generation } from "../../src/store/generation.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { prune } from "../../src/store/prune.ts";
import type { Signer } from "../../src/store/signer.ts";
import type { Store } from "../../src/store/store.ts";
import { verifyDetached } from "../../src/upstream/signature.ts";
import { addTiny } from "../curate/tiny-site.ts";
import { failureOf } from "../image/failure.ts";
import { gpgv, hasGpg } from "./gpg.ts";
import { newSigner, signedStore } from "./keys.ts";
import { sstreamText } from "./sstream-reader.ts";

const ROOTS = ["", "images/"];

let folder: string;
let plain: Store;
let signer: Signer;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-signing-"));
  plain = createMemoryStore();
  signer = await newSigner(join(folder, "keys"));
  store = signedStore(plain, signer);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function newest(): Promise<Generation> {
  const generation = await store.newest();
  if (generation === undefined) throw new Error("nothing was published");
  return generation;
}

async function bytesAt(path: string, generation?: Generation): Promise<Uint8Array> {
  const record = (generation ?? (await newest())).documents[path];
  if (record === undefined) throw new Error(`there is no ${path}`);
  return readDocument(store, record);
}

async function textAt(path: string, generation?: Generation): Promise<string> {
  return new TextDecoder().decode(await bytesAt(path, generation));
}

function signatureHashes({ documents }: Generation): Record<string, string> {
  const entries = Object.entries(documents).filter(([path]) => !path.endsWith(".json"));
  return Object.fromEntries(entries.map(([path, { sha256 }]) => [path, sha256]));
}

describe("what is published with a key", () => {
  it("carries a clear-signed and a detached signature of every index and products file", async () => {
    await addTiny(store, "a");
    const forms = (path: string): string[] => [`${path}.json`, `${path}.json.gpg`, `${path}.sjson`];
    const wanted = ROOTS.flatMap((root) =>
      ["index", "images"].flatMap((name) => forms(`${root}streams/v1/${name}`)),
    );
    expect(Object.keys((await newest()).documents).sort()).toEqual(wanted.sort());
  });

  it.skipIf(!hasGpg)("is signed as gpgv says", async () => {
    await addTiny(store, "a");
    const key = await signer.publicKey();
    for (const root of ROOTS) {
      for (const name of ["index", "images"]) {
        const path = `${root}streams/v1/${name}`;
        expect(await gpgv(key, await bytesAt(`${path}.sjson`))).toMatchObject({ isGood: true });
        const document = await bytesAt(`${path}.json`);
        expect(await gpgv(key, await bytesAt(`${path}.json.gpg`), document)).toMatchObject({ isGood: true });
      }
    }
  });

  it("says in its signed form what it says in the other, for a reader such as python-simplestreams", async () => {
    await addTiny(store, "a", { releaseTitle: "Größe 中" });
    const products = JSON.parse(await textAt("streams/v1/images.json")) as object;
    expect(JSON.parse(sstreamText(await textAt("streams/v1/images.sjson")))).toEqual(products);
    expect(JSON.stringify(products)).toContain("Größe 中");
  });

  it("leads from a signed index to signed products files, and from a plain one to plain ones", async () => {
    await addTiny(store, "a");
    for (const root of ROOTS) {
      const read = (text: string) => JSON.parse(text) as { index: Record<string, { path: string }> };
      const signed = read(sstreamText(await textAt(`${root}streams/v1/index.sjson`)));
      const unsigned = read(await textAt(`${root}streams/v1/index.json`));
      expect(Object.values(signed.index).map(({ path }) => path)).toEqual(["streams/v1/images.sjson"]);
      expect(Object.values(unsigned.index).map(({ path }) => path)).toEqual(["streams/v1/images.json"]);
      const [name = ""] = Object.keys(signed.index);
      const entry = { ...signed.index[name], path: "streams/v1/images.json" };
      expect({ ...signed, index: { [name]: entry } }).toEqual(unsigned);
    }
  });

  it("stays signed as it was in what a cache or a prune publishes without rendering", async () => {
    await addTiny(store, "a");
    await addTiny(store, "b", { release: "2" });
    const before = signatureHashes(await newest());
    await prune(plain, { now: Date.now() + 1e9, graceMs: 0 });
    expect((await newest()).reason.verb).toBe("prune");
    expect(signatureHashes(await newest())).toEqual(before);
  });

  it("is signed anew by a rollback", async () => {
    await addTiny(store, "a");
    await addTiny(store, "b", { release: "2" });
    await rollback(store, 1);
    const listed = sstreamText(await textAt("streams/v1/images.sjson"));
    expect(Object.keys((JSON.parse(listed) as { products: object }).products)).toHaveLength(1);
  });
});

describe("an index for lxc-create", () => {
  it("has an armoured signature beside it, made once for the levels that have the same bytes", async () => {
    const writer = await plain.writer("test");
    const text = "debian;12;amd64;default;20260101_0000;/images/x/\n";
    const record: DocumentRecord = {
      ...(await writer.put(new TextEncoder().encode(text))),
      encoding: "identity",
      type: "text/plain; charset=utf-8",
    };
    const paths = ["meta/1.0/index-system", "meta/1.0/index-system.7"];
    const documents = Object.fromEntries(paths.map((path) => [path, record]));
    const texts = new Map(paths.map((path) => [path, text]));
    const signed = await signatures(store, writer)({ streams: [], documents, texts, base: undefined });
    expect(Object.keys(signed)).toEqual(paths.map((path) => `${path}.asc`));
    const [first, second] = Object.values(signed);
    expect(first).toEqual(second);
    expect(first).toMatchObject({ encoding: "identity", type: "application/pgp-signature" });
    const reader = await writer.open(first?.sha256 ?? "");
    const bytes = new Uint8Array(reader.size);
    await reader.read(bytes, 0);
    const keyring = new TextEncoder().encode(await signer.publicKey());
    expect(await verifyDetached(new TextEncoder().encode(text), bytes, keyring, "x")).toMatchObject({ text });
    await writer.close();
  });
});

describe("signing", () => {
  it("goes on with another key from the next publication on", async () => {
    await addTiny(store, "a");
    const other = await newSigner(join(folder, "other"));
    await publishAgain(signedStore(plain, other), { verb: "key", text: "another" });
    const records = Object.values((await newest()).documents).filter(
      ({ signedBy }) => signedBy !== undefined,
    );
    expect(new Set(records.map(({ signedBy }) => signedBy))).toEqual(new Set([other.fingerprint]));
    expect(records).toHaveLength(8);
  });

  it("begins with the first publication after there is a key, also of a program that runs already", async () => {
    const data = join(folder, "store");
    const opened = await openOrMakeStore(data, { passphrase: async () => undefined });
    await addTiny(opened, "a");
    expect(signatureHashes((await opened.newest()) as Generation)).toEqual({});
    const { fingerprint } = await newSigner(keysOf(data).path);
    await addTiny(opened, "b", { release: "2" });
    const records = Object.values((await opened.newest())?.documents ?? {});
    expect(new Set(records.map(({ signedBy }) => signedBy))).toEqual(new Set([undefined, fingerprint]));
  });

  it("ends only when somebody wants it to", async () => {
    await addTiny(store, "a");
    expect(await failureOf(addAlias(plain, "other", "tiny/1"))).toMatchObject({
      code: "KEY_UNUSABLE",
      message: expect.stringContaining(signer.fingerprint),
      hint: expect.stringContaining("--no-sign"),
    });
    expect((await newest()).number).toBe(1);
    await addAlias(signedStore(plain, undefined, true), "other", "tiny/1");
    expect(signatureHashes(await newest())).toEqual({});
    await addAlias(plain, "third", "tiny/1");
    expect((await newest()).number).toBe(3);
  });

  it("that fails leaves nothing published", async () => {
    const locked = await newSigner(join(folder, "locked"), { passphrase: "secret words" });
    const { fingerprint } = locked;
    const { KeySigner } = await import("../../src/signing/key-signer.ts");
    const path = join(folder, "locked", `${fingerprint}.asc`);
    for (const passphrase of [undefined, "wrong"]) {
      const wrong = signedStore(plain, new KeySigner({ fingerprint, path }, async () => passphrase));
      expect(await failureOf(addTiny(wrong, "a"))).toMatchObject({ code: "KEY_LOCKED" });
      expect(await plain.newest()).toBeUndefined();
    }
    await addTiny(signedStore(plain, locked), "a");
    expect((await newest()).number).toBe(1);
  });
});

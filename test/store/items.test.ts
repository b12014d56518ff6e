import { gzipSync } from "node:zlib";

import { describe, expect, it } from "vitest";

import { commit } from "../../src/store/commit.ts";
import { readDocument } from "../../src/store/documents.ts";
import type { Generation } from "../../src/store/generation.ts";
import { itemsOf } from "../../src/store/items.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { codeOf } from "../contract/store.ts";

async function publish(
  text: string | Uint8Array,
  stream = "images",
): Promise<{ store: Store; generation: Generation }> {
  const store = createMemoryStore();
  const writer = await store.writer("add");
  const bytes = typeof text === "string" ? gzipSync(text) : text;
  const path = `${stream}/streams/v1/images.json`;
  const document = await writer.put(bytes);
  const generation = await commit(store, writer, () => ({
    reason: { verb: "add", text: "" },
    rules: 1,
    streams: [{ name: stream, origin: "own", products: [path], hidden: [] }],
    documents: { [path]: { ...document, encoding: "gzip", type: "application/json" } },
    blobs: [],
  }));
  if (generation === undefined) throw new Error("nothing was published");
  return { store, generation };
}

const sha256 = "ab".repeat(32);

describe("items of a generation", () => {
  it("are found by the path a client asks for", async () => {
    const items = { "lxd.tar.xz": { ftype: "lxd.tar.xz", path: "a/b/meta.tar.xz", sha256, size: 412 } };
    const text = JSON.stringify({ products: { p: { versions: { v: { items } } } } });
    const { store, generation } = await publish(text, "site");
    const table = await itemsOf(store, generation);
    expect(Array.from(table)).toEqual([
      [
        "site/a/b/meta.tar.xz",
        { sha256, size: 412, stream: "site", path: "a/b/meta.tar.xz", isHeld: true, isCached: false },
      ],
    ]);
  });

  it("are found under names that every object inherits, and odd ones are nothing to serve", async () => {
    const text = `{"products": {"__proto__": {"versions": {"constructor": {"items": {
      "__proto__": {"path": "x", "sha256": "${sha256}", "size": 1},
      "no hash": {"path": "y", "size": 1}, "no path": {"sha256": "${sha256}", "size": 1}, "no object": 7}}}},
      "no versions": {}, "null": null}}`;
    const { store, generation } = await publish(text);
    expect(Array.from((await itemsOf(store, generation)).keys())).toEqual(["images/x"]);
  });

  it("of a document that is not what it should be are one clear error", async () => {
    const cut = gzipSync("x".repeat(10_000)).subarray(0, 30);
    for (const bad of ["", "[]", "{", cut]) {
      const { store, generation } = await publish(bad);
      expect(await codeOf(itemsOf(store, generation))).toBe("DOCUMENT_INVALID");
    }
  });

  it("of a document whose bytes are gone are one clear error", async () => {
    const { store, generation } = await publish("{}");
    const [record] = Object.values(generation.documents);
    if (record === undefined) throw new Error("no document");
    expect(Buffer.from(await readDocument(store, record)).toString()).toBe("{}");
    await store.quarantine(record.sha256);
    expect(await codeOf(itemsOf(store, generation))).toBe("BLOB_MISSING");
  });

  it("of 10,000 versions are all found", async () => {
    const versions = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => {
        const name = String(20_000_000 + index);
        const item = (ftype: string): object => ({
          ftype,
          path: `debian/${name}/${ftype}`,
          sha256,
          size: index,
        });
        return [name, { items: { "lxd.tar.xz": item("lxd.tar.xz"), squashfs: item("squashfs") } }];
      }),
    );
    const { store, generation } = await publish(JSON.stringify({ products: { p: { versions } } }));
    expect((await itemsOf(store, generation)).size).toBe(20_000);
  });
});

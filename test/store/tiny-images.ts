import { createHash } from "node:crypto";

import { type CommitOptions, commit, type Draft } from "../../src/store/commit.ts";
import type { Generation } from "../../src/store/generation.ts";
import { listedItems, productsRecord } from "../../src/store/items.ts";
import type { Sha256, Store, StoreWriter } from "../../src/store/store.ts";

/** Generations made of the smallest thing that counts: one products file, whose items are short texts. */

const PRODUCTS = "images/streams/v1/images.json";

export function hashOf(text: string): Sha256 {
  return createHash("sha256").update(text).digest("hex");
}

/** Bytes of everything that was ever added here. */
const sizes = new Map<Sha256, number>();

export function productsText(hashes: Iterable<Sha256>): string {
  const items = Object.fromEntries(
    Array.from(hashes, (sha256) => [
      sha256.slice(0, 8),
      { ftype: "squashfs", path: `${sha256}.squashfs`, sha256, size: sizes.get(sha256) ?? 0 },
    ]),
  );
  return JSON.stringify({
    products: { "debian:12:default:amd64": { versions: { "20260101_0000": { items } } } },
  });
}

/** What a generation lists, oldest first. */
export async function listedBy(store: Store, generation: Generation | undefined): Promise<Sha256[]> {
  const [stream] = generation?.streams ?? [];
  if (generation === undefined || stream === undefined) return [];
  const items = await listedItems(store, productsRecord(generation, stream, PRODUCTS));
  return items.map(({ fields }) => String(fields["sha256"]));
}

export async function draftOf(writer: StoreWriter, hashes: readonly Sha256[], verb: string): Promise<Draft> {
  const document = await writer.put(Buffer.from(productsText(hashes)));
  return {
    reason: { verb, text: `${hashes.length} images` },
    rules: 1,
    streams: [{ name: "images", origin: "own", products: [PRODUCTS], hidden: [] }],
    documents: { [PRODUCTS]: { ...document, encoding: "identity", type: "application/json" } },
    blobs: hashes,
  };
}

export function addText(
  store: Store,
  text: string,
  options: CommitOptions = {},
): Promise<Generation | undefined> {
  return addBytes(store, Buffer.from(text), options);
}

export async function addBytes(
  store: Store,
  bytes: Uint8Array,
  options: CommitOptions = {},
): Promise<Generation | undefined> {
  const writer = await store.writer("add");
  try {
    const { sha256, size } = await writer.put(bytes);
    sizes.set(sha256, size);
    return await commit(
      store,
      writer,
      async (base) => {
        const listed = await listedBy(store, base);
        if (listed.includes(sha256)) return undefined;
        return draftOf(writer, [...listed, sha256], "add");
      },
      options,
    );
  } finally {
    await writer.close();
  }
}

export async function removeText(
  store: Store,
  text: string,
  options: CommitOptions = {},
): Promise<Generation | undefined> {
  const writer = await store.writer("remove");
  try {
    return await commit(
      store,
      writer,
      async (base) => {
        const listed = await listedBy(store, base);
        if (!listed.includes(hashOf(text))) return undefined;
        return draftOf(
          writer,
          listed.filter((sha256) => sha256 !== hashOf(text)),
          "remove",
        );
      },
      options,
    );
  } finally {
    await writer.close();
  }
}

/** Lists again what an older generation listed, without bringing any bytes. */
export async function rollBack(
  store: Store,
  number: number,
  options: CommitOptions = {},
): Promise<Generation | undefined> {
  return commit(
    store,
    undefined,
    async (base) => {
      const target = await store.generation(number);
      if (base === undefined || target === undefined) return undefined;
      if (!base.keeps.some(([from, to]) => from <= number && number <= to)) return undefined;
      const blobs = await listedBy(store, target);
      return {
        reason: { verb: "rollback", text: `to ${number}` },
        rules: base.rules,
        streams: target.streams,
        documents: target.documents,
        blobs,
      };
    },
    options,
  );
}

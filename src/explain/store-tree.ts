import { readDocument } from "../store/documents.ts";
import type { Generation } from "../store/generation.ts";
import { type ItemTable, itemsOf, type ServedItem } from "../store/items.ts";
import type { Store } from "../store/store.ts";
import type { DocumentAnswer, FileAnswer, FileOptions, Tree } from "./tree.ts";

const PIECE = 256 * 1024;

/** What clients get from the own store at its newest generation: the merged root, or the root of one image stream. */
export function openStoreTree(store: Store, generation: Generation, stream?: string): Tree {
  const base = stream === undefined ? "" : `${stream}/`;
  let table: Promise<ItemTable> | undefined;
  const itemAt = async (path: string): Promise<ServedItem | undefined> => {
    table ??= itemsOf(store, generation);
    return (await table).get(base + path);
  };
  return {
    name: stream === undefined ? store.name : `${store.name} (${stream})`,
    kind: "store",
    document: async (path, { signal } = {}) => {
      signal?.throwIfAborted();
      return document(store, generation, base + path);
    },
    file: async (path, options = {}) => {
      options.signal?.throwIfAborted();
      return file(store, await itemAt(path), options);
    },
    server: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
}

async function document(store: Store, { documents }: Generation, path: string): Promise<DocumentAnswer> {
  const record = documents[path];
  if (record === undefined) return { kind: "absent", why: "the newest generation has no such document" };
  return { kind: "there", bytes: await readDocument(store, record) };
}

async function file(
  store: Store,
  item: ServedItem | undefined,
  { read, most = Number.POSITIVE_INFINITY, signal }: FileOptions,
): Promise<FileAnswer> {
  if (item === undefined) return { kind: "absent", why: "the newest generation lists no such file" };
  const size = await store.sizeOf(item.sha256);
  if (size === undefined) {
    return item.isHeld
      ? { kind: "absent", why: "its bytes are not in the store; see headwater verify" }
      : { kind: "there", size: item.size, unread: "its bytes are at the upstream" };
  }
  if (read === undefined) return { kind: "there", size };
  const reader = await store.open(item.sha256);
  if (reader === undefined)
    return { kind: "absent", why: "its bytes are not in the store; see headwater verify" };
  try {
    const buffer = new Uint8Array(PIECE);
    for (let position = 0; ; ) {
      signal?.throwIfAborted();
      const count = await reader.read(buffer, position);
      if (count === 0) return { kind: "there", size: position };
      if (position + count > most) return { kind: "absent", why: `it has more than ${most} bytes` };
      read(buffer.subarray(0, count));
      position += count;
    }
  } finally {
    await reader.close();
  }
}

import type { Edit, TreeDocuments } from "../../src/simplestreams/index.ts";
import { smallestTree } from "../../src/simplestreams/rules/smallest-tree.ts";

/** The smallest tree that works after some changes, as its documents are served. */
export function brokenTree(edits: readonly Edit[]): TreeDocuments {
  const { index, products } = smallestTree();
  const documents: Record<Edit["document"], unknown> = { index, products, other: undefined, lxc: undefined };
  for (const edit of edits) documents[edit.document] = edited(documents[edit.document], edit.at, edit.value);
  const files = [
    ["streams/v1/images.json", documents.products],
    ["other/images.json", documents.other],
  ] as const;
  return {
    index: textOf(documents.index),
    products: new Map(
      files.flatMap(([path, file]) => (file === undefined ? [] : [[path, textOf(file) ?? ""]])),
    ),
    lxc: documents.lxc === undefined ? undefined : new Map([["index-system", textOf(documents.lxc) ?? ""]]),
  };
}

function textOf(document: unknown): string | undefined {
  return document === undefined || typeof document === "string" ? document : JSON.stringify(document);
}

function edited(document: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const object = new Map(Object.entries(document ?? {}));
  const changed = edited(object.get(key), rest, value);
  if (changed === undefined) object.delete(key);
  else object.set(key, changed);
  return Object.fromEntries(object);
}

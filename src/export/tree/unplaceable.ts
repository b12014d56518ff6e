import { posix } from "node:path";
import { OWN_FOLDER } from "./target.ts";

/** Bytes that a file system takes for one name: ext4, XFS, btrfs, tmpfs. */
const LONGEST_NAME = 255;

/**
 * Items that no folder can hold beside the documents and the other items: URLs know no folders, so an upstream may list `a` and `a/b`, and
 * names of any length. What is at a document's path is the document, as the server has it.
 */
export function unplaceable(items: ReadonlySet<string>, documents: ReadonlySet<string>): Set<string> {
  const odd = new Set<string>();
  for (const path of items) {
    const isTooLong = path.split("/").some((name) => Buffer.byteLength(name) > LONGEST_NAME);
    if (isTooLong || path === OWN_FOLDER || documents.has(path)) odd.add(path);
    for (const folder of foldersOf(path)) {
      if (folder === OWN_FOLDER || documents.has(folder)) odd.add(path);
      else if (items.has(folder)) odd.add(folder);
    }
  }
  for (const path of documents) for (const folder of foldersOf(path)) if (items.has(folder)) odd.add(folder);
  return odd;
}

/** `a` and `a/b` for `a/b/c`. */
export function foldersOf(path: string): string[] {
  const folder = posix.dirname(path);
  return folder === "." ? [] : [...foldersOf(folder), folder];
}

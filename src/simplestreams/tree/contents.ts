import type { ProductsFile } from "../products.ts";
import type { ReadTree, TreeFile } from "./read-tree.ts";

/** What is in one products file. */
export interface FileContents {
  /** Its key in the index. */
  readonly key: string;
  readonly path: string;
  readonly datatype: string;
  /** Undefined when it could not be read. */
  readonly counts:
    | { readonly products: number; readonly versions: number; readonly items: number }
    | undefined;
}

/** Files below one folder: those that items name, each once. */
export interface FolderContents {
  readonly name: string;
  readonly files: number;
  /** Bytes, as listed. */
  readonly bytes: number;
  readonly folders: readonly FolderContents[];
}

/** A tree as a person would draw it. */
export interface TreeContents {
  readonly documents: readonly FileContents[];
  readonly folders: readonly FolderContents[];
}

/** Folders below the root that are told apart. */
const LEVELS = 2;

/** Counts what the products files of a tree say is there. */
export function contentsOf(tree: ReadTree): TreeContents {
  const files = [...tree.files, ...tree.others];
  const root = new Folder("");
  const seen = new Set<string>();
  for (const { decoded } of files) if (decoded !== undefined) addFiles(decoded.products, root, seen);
  return { documents: files.map(documentOf), folders: root.contents().folders };
}

function documentOf({ key, path, entry, decoded }: TreeFile): FileContents {
  const counts = decoded === undefined ? undefined : countsOf(decoded.products);
  return { key, path, datatype: entry.datatype ?? "", counts };
}

function countsOf({ products }: ProductsFile): { products: number; versions: number; items: number } {
  let versions = 0;
  let items = 0;
  for (const product of products.values()) {
    versions += product.versions.size;
    for (const version of product.versions.values()) items += version.items.size;
  }
  return { products: products.size, versions, items };
}

function addFiles({ products }: ProductsFile, root: Folder, seen: Set<string>): void {
  for (const product of products.values()) {
    for (const version of product.versions.values()) {
      for (const { path, size } of version.items.values()) {
        if (path === undefined || path === "" || seen.has(path)) continue;
        seen.add(path);
        root.add(path, size ?? 0);
      }
    }
  }
}

class Folder {
  readonly name: string;
  #files = 0;
  #bytes = 0;
  readonly #folders = new Map<string, Folder>();

  constructor(name: string) {
    this.name = name;
  }

  add(path: string, bytes: number): void {
    this.#add(
      path
        .split("/")
        .filter((part) => part !== "")
        .slice(0, -1)
        .slice(0, LEVELS),
      bytes,
    );
  }

  #add([first, ...rest]: readonly string[], bytes: number): void {
    this.#files++;
    this.#bytes += bytes;
    if (first === undefined) return;
    let folder = this.#folders.get(first);
    if (folder === undefined) this.#folders.set(first, (folder = new Folder(first)));
    folder.#add(rest, bytes);
  }

  contents(): FolderContents {
    const folders = [...this.#folders.values()].map((folder) => folder.contents());
    return {
      name: this.name,
      files: this.#files,
      bytes: this.#bytes,
      folders: folders.sort((a, b) => b.bytes - a.bytes),
    };
  }
}

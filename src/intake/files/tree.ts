import { readFile, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { HeadwaterError } from "../../error.ts";
import { parseIndex, parseProducts } from "../../simplestreams/parse.ts";
import type { ProductsFile } from "../../simplestreams/products.ts";
import { parseRelativePath } from "../../simplestreams/relative-path.ts";

/** A simplestreams tree in a folder, as incus-simplestreams, simplestream-maintainer or a copy of a server leaves it. */
export interface Tree {
  readonly folder: string;
  readonly files: readonly ProductsFile[];
  /** Products files that hold no images for Incus or LXD. */
  readonly ignored: readonly string[];
  /** The file of an item. @throws PATH_UNSAFE when it is outside the tree, FILE_UNREADABLE when it is not there */
  resolve(path: string): Promise<string>;
}

const INDEX = "streams/v1/index.json";

/** The largest document that is read; as with documents from a network. */
const DOCUMENT_LIMIT = 64 * 1024 * 1024;

export async function isTree(folder: string): Promise<boolean> {
  return stat(join(folder, INDEX)).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Reads the documents of a tree; items are looked at one by one, later. */
export async function openTree(folder: string): Promise<Tree> {
  const root = await realpath(folder);
  const resolve = (path: string): Promise<string> => resolveInside(root, path);
  const index = parseIndex(await readDocument(await resolve(INDEX)), { name: join(folder, INDEX) });
  const files: ProductsFile[] = [];
  const ignored: string[] = [];
  for (const entry of index.index.values()) {
    const path = entry.path ?? "";
    if (entry.datatype !== "image-downloads") {
      ignored.push(path);
      continue;
    }
    const text = await readDocument(await resolve(path));
    files.push(parseProducts(text, { name: join(folder, path) }));
  }
  return { folder, files, ignored, resolve };
}

/** A link in a tree may point to another place of the tree, as with hard-linked mirrors, but not out of it. */
async function resolveInside(root: string, path: string): Promise<string> {
  const wanted = join(root, parseRelativePath(path));
  const real = await realpath(wanted).catch((cause: unknown) => {
    throw new HeadwaterError("FILE_UNREADABLE", `${wanted} is named by the tree and cannot be found`, {
      hint: "Copy the tree again, documents last.",
      cause,
    });
  });
  if (real.startsWith(root + sep)) return real;
  throw new HeadwaterError("PATH_UNSAFE", `${wanted} is a link that leaves the tree`, {
    hint: "Copy the file itself into the tree.",
  });
}

async function readDocument(path: string): Promise<Buffer> {
  const { size } = await stat(path);
  if (size > DOCUMENT_LIMIT) {
    throw new HeadwaterError(
      "DOCUMENT_TOO_LARGE",
      `${path} has ${size} bytes, expected at most ${DOCUMENT_LIMIT}`,
    );
  }
  return readFile(path);
}

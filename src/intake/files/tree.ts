import { stat } from "node:fs/promises";
import { join } from "node:path";
import { HeadwaterError } from "../../error.ts";
import { withImageFile } from "../../image/image-file.ts";
import { MAX_DOCUMENT_BYTES } from "../../simplestreams/json-text.ts";
import { parseIndex, parseProducts } from "../../simplestreams/parse.ts";
import type { ProductsFile } from "../../simplestreams/products.ts";
import { parseRelativePath } from "../../simplestreams/relative-path.ts";
import { fileInFolder, realPath } from "./folder-file.ts";

/** A simplestreams tree in a folder, as incus-simplestreams, simplestream-maintainer or a copy of a server leaves it. */
export interface Tree {
  readonly folder: string;
  readonly files: readonly ProductsFile[];
  /** The file of an item. @throws PATH_UNSAFE when it is outside the tree, FILE_UNREADABLE when it is not there */
  resolve(path: string): Promise<string>;
}

const INDEX = "streams/v1/index.json";

export async function isTree(folder: string): Promise<boolean> {
  return stat(join(folder, INDEX)).then(
    (found) => found.isFile(),
    // Whoever reads the folder as one image says what is wrong with it.
    () => false,
  );
}

/** Reads the documents of a tree; items are looked at one by one, later. */
export async function openTree(folder: string): Promise<Tree> {
  const root = await realPath(folder);
  const resolve = async (path: string): Promise<string> => fileInFolder(root, parseRelativePath(path));
  const index = parseIndex(await readDocument(await resolve(INDEX)), { name: join(folder, INDEX) });
  const files = new Map<string, ProductsFile>();
  for (const entry of index.index.values()) {
    // Other datatypes are lists for clouds, without files.
    if (entry.datatype !== "image-downloads") continue;
    // Clients join it to the base whether it begins with a slash or not.
    const path = (entry.path ?? "").replace(/^\/+/, "");
    const real = await resolve(path);
    // Several entries may name one file, each for some of its products.
    if (!files.has(real)) {
      files.set(real, parseProducts(await readDocument(real), { name: join(folder, path) }));
    }
  }
  return { folder, files: [...files.values()], resolve };
}

/** A regular file only: a FIFO would be waited for without end. */
async function readDocument(path: string): Promise<Buffer> {
  return withImageFile(path, async (file) => {
    if (file.size > MAX_DOCUMENT_BYTES) {
      throw new HeadwaterError(
        "DOCUMENT_TOO_LARGE",
        `${path} has ${file.size} bytes, expected at most ${MAX_DOCUMENT_BYTES}`,
      );
    }
    return file.readExactly(0, file.size);
  });
}

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

interface Listed {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

/** What a client that knows only the folder reads: the index, what it names, and of each list its files. */
export async function listedIn(root: string, index = "streams/v1/index.json"): Promise<Listed[]> {
  const { index: entries } = JSON.parse(await readFile(join(root, index), "utf8")) as {
    index: Record<string, { path: string }>;
  };
  const files: Listed[] = [];
  for (const { path } of Object.values(entries))
    files.push(...itemsIn(await readFile(join(root, path), "utf8")));
  return files;
}

export function itemsIn(products: string): Listed[] {
  const file = JSON.parse(products) as {
    products: Record<string, { versions: Record<string, { items: Record<string, Listed> }> }>;
  };
  return Object.values(file.products)
    .flatMap(({ versions }) => Object.values(versions))
    .flatMap(({ items }) => Object.values(items));
}

/** Listed files that are not there as they are listed, in words. */
export async function wrongFiles(root: string, index?: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const { path, sha256, size } of await listedIn(root, index)) {
    const bytes = await readFile(join(root, path)).catch(() => undefined);
    if (bytes === undefined) wrong.push(`${path} is missing`);
    else if (bytes.length !== size || hashOf(bytes) !== sha256) wrong.push(`${path} has other bytes`);
  }
  return wrong;
}

/** Every file of a tree but what exports note, sorted. */
export async function filesIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => !path.startsWith(".headwater-export"))
    .sort();
}

/** Compressed copies that say something else than what they are copies of. */
export async function wrongCopies(root: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const path of (await filesIn(root)).filter((name) => name.endsWith(".json.gz"))) {
    const plain = await readFile(join(root, path.slice(0, -3)));
    if (!gunzipSync(await readFile(join(root, path))).equals(plain)) wrong.push(path);
  }
  return wrong;
}

export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Edit } from "../../src/simplestreams/index.ts";
import { INDEX_PATH, PRODUCT, PRODUCTS_PATH, VERSION } from "../../src/simplestreams/rules/smallest-tree.ts";
import { brokenTree } from "../simplestreams/broken-tree.ts";

/** Where the files of the smallest tree are, and what is in them here. */
export const METADATA_PATH = "images/demo/meta.tar.xz";
export const ROOT_PATH = "images/demo/root.squashfs";
const METADATA = "what is in the metadata";
const ROOT = "what is in the root";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
export const FINGERPRINT = sha256(METADATA + ROOT);

/** The smallest tree after some changes, as texts by their paths, with files that are as they are listed. */
export function smallTree(edits: readonly Edit[] = []): Record<string, string> {
  const { index, products, lxc } = brokenTree([...honest(), ...edits]);
  return {
    ...(index === undefined ? {} : { [INDEX_PATH]: String(index) }),
    ...Object.fromEntries([...products].map(([path, text]) => [path, String(text)])),
    ...Object.fromEntries([...(lxc ?? [])].map(([name, text]) => [`meta/1.0/${name}`, String(text)])),
    [METADATA_PATH]: METADATA,
    [ROOT_PATH]: ROOT,
  };
}

/** The same with an index for LXC, so that there is nothing at all to say against it. */
export function faultlessTree(edits: readonly Edit[] = []): Record<string, string> {
  const line = "demo;1;amd64;default;20260101_0000;/images/demo/\n";
  return smallTree([{ document: "lxc", at: [], value: line }, ...edits]);
}

export async function writeTree(folder: string, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

/** A change to a field of the product. */
export function inProduct(field: string, value: NonNullable<Edit["value"]>): Edit {
  return { document: "products", at: ["products", PRODUCT, field], value };
}

/** A second product, like the first but for these fields. */
export function secondProduct(fields: Readonly<Record<string, string>>, key = "demo:2:default:amd64"): Edit {
  const { [PRODUCTS_PATH]: text = "{}" } = smallTree();
  const { products } = JSON.parse(text);
  return { document: "products", at: ["products", key], value: { ...products[PRODUCT], ...fields } };
}

function honest(): Edit[] {
  const metadata = {
    size: METADATA.length,
    sha256: sha256(METADATA),
    combined_squashfs_sha256: FINGERPRINT,
  };
  const root = { size: ROOT.length, sha256: sha256(ROOT) };
  const at = ["products", PRODUCT, "versions", VERSION, "items"];
  const set = (item: string, fields: object): Edit[] =>
    Object.entries(fields).map(([field, value]) => ({
      document: "products",
      at: [...at, item, field],
      value,
    }));
  return [...set("incus.tar.xz", metadata), ...set("lxd.tar.xz", metadata), ...set("squashfs", root)];
}

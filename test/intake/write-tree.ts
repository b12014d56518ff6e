import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Item, Json } from "../../src/simplestreams/products.ts";
import { temporaryFolder, writeTinyContainer } from "../image/tiny-image.ts";

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export interface TreeItem {
  readonly ftype: string;
  readonly path: string;
  readonly bytes: Buffer;
  readonly more?: Partial<Item>;
}

/** The files of a build, as a tree lists them. */
export async function containerItems(
  path: string,
  salt: string,
  ftype = "incus.tar.xz",
): Promise<TreeItem[]> {
  const source = await temporaryFolder();
  const files = await writeTinyContainer(source.path, { salt });
  const metadata = await readFile(files.metadata);
  const root = await readFile(files.root);
  await source.remove();
  const combined = sha256(Buffer.concat([metadata, root]));
  return [
    { ftype, path: `${path}/meta.tar.xz`, bytes: metadata, more: { combined_squashfs_sha256: combined } },
    { ftype: "squashfs", path: `${path}/rootfs.squashfs`, bytes: root },
  ];
}

export type TreeProducts = Readonly<
  Record<string, { fields: Readonly<Record<string, Json>>; versions: Readonly<Record<string, TreeItem[]>> }>
>;

/** A whole tree with one products file. */
export async function writeTreeIn(folder: string, products: TreeProducts): Promise<void> {
  const rendered = Object.fromEntries(
    await Promise.all(
      Object.entries(products).map(async ([key, { fields, versions }]) => {
        const rendered = Object.fromEntries(
          await Promise.all(
            Object.entries(versions).map(async ([name, items]) => {
              for (const item of items) {
                await mkdir(dirname(join(folder, item.path)), { recursive: true });
                await writeFile(join(folder, item.path), item.bytes);
              }
              const entries = items.map(({ ftype, path, bytes, more }) => [
                path.split("/").at(-1),
                { ftype, path, size: bytes.length, sha256: sha256(bytes), ...more },
              ]);
              return [name, { items: Object.fromEntries(entries) as unknown }];
            }),
          ),
        );
        return [key, { ...fields, versions: rendered }];
      }),
    ),
  ) as Readonly<Record<string, unknown>>;
  await mkdir(join(folder, "streams/v1"), { recursive: true });
  const entry = {
    datatype: "image-downloads",
    path: "streams/v1/images.json",
    products: Object.keys(products),
  };
  await writeFile(join(folder, "streams/v1/index.json"), JSON.stringify({ index: { images: entry } }));
  await writeFile(join(folder, "streams/v1/images.json"), JSON.stringify({ products: rendered }));
}

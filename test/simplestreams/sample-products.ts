import type { Item, Product, ProductsFile, Version } from "../../src/simplestreams/index.ts";

/** A made-up hash: 64 times the same hex digit, or a number in 64 digits. */
export function sha(of: string | number): string {
  return typeof of === "string" ? of.repeat(64) : of.toString(16).padStart(64, "0");
}

/** Items of a split container for both dialects. */
export function splitItems(number: number, more: Partial<Item> = {}): Map<string, Item> {
  const metadata: Item = {
    ftype: "incus.tar.xz",
    path: `files/${number}/metadata.tar.xz`,
    size: 500,
    sha256: sha(number * 10 + 1),
    combined_squashfs_sha256: sha(number * 10),
    ...more,
  };
  return new Map([
    ["incus.tar.xz", metadata],
    ["lxd.tar.xz", { ...metadata, ftype: "lxd.tar.xz" }],
    [
      "squashfs",
      { ftype: "squashfs", path: `files/${number}/root.squashfs`, size: 9500, sha256: sha(number * 10 + 2) },
    ],
  ]);
}

export function versionOf(items: ReadonlyMap<string, Item>, more: Partial<Version> = {}): Version {
  return { ...more, items };
}

/** A product that every client lists, unless `more` changes that. */
export function productOf(
  versions: Readonly<Record<string, ReadonlyMap<string, Item> | Version>>,
  more: Omit<Partial<Product>, "versions"> = {},
): Product {
  const entries = Object.entries(versions).map(([name, value]): [string, Version] => [
    name,
    value instanceof Map ? { items: value } : (value as Version),
  ]);
  return {
    arch: "amd64",
    os: "Debian",
    release: "bookworm",
    release_title: "12",
    variant: "default",
    aliases: "debian/12",
    ...more,
    versions: new Map(entries),
  };
}

export function fileOf(products: Readonly<Record<string, Product>>): ProductsFile {
  return { format: "products:1.0", products: new Map(Object.entries(products)) };
}

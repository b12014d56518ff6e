import { PRODUCT, VERSION } from "./smallest-tree.ts";
import type { Edit } from "./rule.ts";

/** An example that changes one field of the product. Without a value the field is taken away. */
export function inProduct(field: string, value?: Edit["value"]): readonly Edit[] {
  return [edit(["products", PRODUCT, field], value)];
}

/** An example that changes one field of an item, or a whole item. */
export function inItem(item: string, field: string, value?: Edit["value"]): Edit {
  return edit(["products", PRODUCT, "versions", VERSION, "items", item, field], value);
}

/** An example that adds, or takes away, a whole item. */
export function item(key: string, value?: Edit["value"]): Edit {
  return edit(["products", PRODUCT, "versions", VERSION, "items", key], value);
}

/** A change at any place of the products file. */
export function edit(at: readonly string[], value?: Edit["value"]): Edit {
  return { document: "products", at, ...(value === undefined ? {} : { value }) };
}

/** The same change to the metadata items of both dialects. */
export function inMetadata(field: string, value?: Edit["value"]): readonly Edit[] {
  return [inItem("incus.tar.xz", field, value), inItem("lxd.tar.xz", field, value)];
}

const VERSIONS = ["products", PRODUCT, "versions"];

/** A delta from another version to the smallest tree's root. */
export function delta(base: string): NonNullable<Edit["value"]> {
  return {
    ftype: "squashfs.vcdiff",
    path: `images/demo/root.${base}.vcdiff`,
    size: 5000,
    sha256: "b".repeat(64),
    delta_base: base,
  };
}

/** The same to the disk of `vmWithBase`. */
export function vmDelta(base: string): NonNullable<Edit["value"]> {
  return {
    ftype: "disk-kvm.img.vcdiff",
    path: `images/demo/disk.${base}.vcdiff`,
    size: 6000,
    sha256: "c".repeat(64),
    delta_base: base,
  };
}

/** A virtual machine beside the container, and an older version of both. */
export function vmWithBase(): readonly Edit[] {
  const metadata = (ftype: string, digit: string) => ({
    ftype,
    path: `images/demo/${digit}.tar.xz`,
    size: 600,
    sha256: digit.repeat(64),
    combined_squashfs_sha256: `${digit}1`.repeat(32),
    "combined_disk-kvm-img_sha256": `${digit}2`.repeat(32),
  });
  const root = (ftype: string, digit: string) => ({
    ftype,
    path: `images/demo/${digit}-${ftype}`,
    size: 2_000_000,
    sha256: digit.repeat(64),
  });
  const items = {
    "incus.tar.xz": metadata("incus.tar.xz", "d"),
    "lxd.tar.xz": metadata("lxd.tar.xz", "d"),
    squashfs: root("squashfs", "e"),
    disk: root("disk-kvm.img", "f"),
  };
  return [
    edit([...VERSIONS, "20251201_0000"], { items }),
    item("incus.tar.xz", metadata("incus.tar.xz", "1")),
    item("lxd.tar.xz", metadata("lxd.tar.xz", "1")),
    item("disk", root("disk-kvm.img", "0")),
  ];
}

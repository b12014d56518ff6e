import type { Family } from "./client-profile.ts";
import { metadataFtypes, roleOf, type RootFtype, unifiedFtypes } from "./ftypes.ts";
import type { Item } from "./products.ts";

/**
 * The ftype that was perhaps meant by one that no client knows; undefined for what is somebody else's. Names that public servers use for
 * other programs (`root.tar.gz`, `disk.img`, `root.img`, manifests) are not in it.
 */
export function meantFtype(ftype: string): string | undefined {
  if (roleOf(ftype) !== "other") return undefined;
  const name = ftype.toLowerCase();
  if (name.includes("manifest")) return undefined;
  for (const [pattern, meant] of FAMILIES) if (pattern.test(name)) return meant;
  return ROOTS.find(([pattern]) => pattern.test(name))?.[1];
}

const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/^incus[._-]?combined/, unifiedFtypes.incus],
  [/^incus[._-](?:tar|tgz|txz)/, metadataFtypes.incus],
  [/^lxd[._-]?combined/, unifiedFtypes.lxd],
  [/^lxd[._-](?:tar|tgz|txz)/, metadataFtypes.lxd],
];

const ROOTS: readonly (readonly [RegExp, RootFtype])[] = [
  [/^(?:root(?:fs)?|container|image)?[._-]?(?:squashfs|squash|sqfs)(?:\.img|\.xz)?$/, "squashfs"],
  [/^(?:rootfs\.tar(?:\.xz)?|root\.tar|root[_-]tar\.xz|root\.txz)$/, "root.tar.xz"],
  [
    /^(?:(?:disk|rootfs|root|vm|image)[._-])?(?:kvm[._-])?qcow2?$|^disk[._]kvm(?:\.img)?$|^disk-kvm$/,
    "disk-kvm.img",
  ],
  [/^uefi1?(?:[._-]img)?$/, "uefi1.img"],
];

/** Items that would be read if they said what they are: by a misspelt ftype, or by none where the key is one. */
export function misreadItems(
  items: ReadonlyMap<string, Item>,
): { readonly key: string; readonly ftype: string | undefined; readonly meant: string }[] {
  const found = [];
  for (const [key, { ftype }] of items) {
    const has = ftype !== undefined && ftype !== "";
    const meant = has ? meantFtype(ftype) : roleOf(key) === "other" ? meantFtype(key) : key;
    if (meant !== undefined) found.push({ key, ftype, meant });
  }
  return found;
}

/** Whether an ftype is metadata or a whole image for this family, or a root, which is for both. */
export function isFor(family: Family, ftype: string): boolean {
  const other = family === "incus" ? "lxd" : "incus";
  return ftype !== metadataFtypes[other] && ftype !== unifiedFtypes[other];
}

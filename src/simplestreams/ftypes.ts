import type { Dialect } from "./client-profile.ts";
import type { Item } from "./products.ts";

/** What an item is, by its `ftype`. Names are roles, not formats: daemons look at the bytes. */
export type Role = "metadata" | "root" | "unified" | "delta" | "other";
/** What an image becomes, as clients call it. */
export type InstanceType = "container" | "virtual-machine";

/** Roots, best first: the order in which clients let them claim an alias (shared/simplestreams/sort.go, both projects). */
export const rootFtypes = ["squashfs", "root.tar.xz", "disk-kvm.img", "uefi1.img", "disk1.img"] as const;
/** The ftype of a root. */
export type RootFtype = (typeof rootFtypes)[number];

/** Metadata of a split image. Each project ignores the other's (shared/simplestreams/products.go, end of ToAPI / ToLXD). */
export const metadataFtypes: Readonly<Record<Dialect, string>> = {
  incus: "incus.tar.xz",
  lxd: "lxd.tar.xz",
};

/** A whole image in one file. */
export const unifiedFtypes: Readonly<Record<Dialect, string>> = {
  incus: "incus_combined.tar.gz",
  lxd: "lxd_combined.tar.gz",
};

/** Deltas by the root they make. */
export const deltaFtypes = { squashfs: "squashfs.vcdiff", "disk-kvm.img": "disk-kvm.img.vcdiff" } as const;

/** The field of a metadata item that holds the fingerprint of the image with this root. */
export const combinedFields = {
  squashfs: "combined_squashfs_sha256",
  "root.tar.xz": "combined_rootxz_sha256",
  "disk-kvm.img": "combined_disk-kvm-img_sha256",
  "uefi1.img": "combined_uefi1-img_sha256",
  "disk1.img": "combined_disk1-img_sha256",
} as const satisfies Readonly<Record<RootFtype, string>>;

/** What public servers list for other programs: clouds, MAAS, Multipass, Juju, Windows. Incus and LXD ignore it. */
export const othersFtypes: ReadonlySet<string> = new Set(
  (
    "manifest root.manifest lxd_combined.manifest text " +
    "disk.img disk1.img uefi1.img root.img rootfs.img.gz img.xz img.xz.zsync vmdk ova " +
    "root.tar.gz tar.gz uec.tar.gz lxc.tar.gz wsl.rootfs.tar.gz " +
    "boot-kernel boot-initrd root-tgz root-image.gz archive.tar.xz"
  ).split(" "),
);

/**
 * What an item with this `ftype` is.
 *
 * @example
 * console.log(["incus.tar.xz", "squashfs", "lxd_combined.tar.gz", "squashfs.vcdiff", "root.tar.gz"].map(roleOf));
 * // ["metadata","root","unified","delta","other"]
 */
export function roleOf(ftype: string | undefined): Role {
  if (ftype === undefined) return "other";
  if (isRootFtype(ftype)) return "root";
  if (ftype === metadataFtypes.incus || ftype === metadataFtypes.lxd) return "metadata";
  if (ftype === unifiedFtypes.incus || ftype === unifiedFtypes.lxd) return "unified";
  if (ftype === deltaFtypes.squashfs || ftype === deltaFtypes["disk-kvm.img"]) return "delta";
  return "other";
}

/** The dialect of a metadata or unified item; undefined for the rest, which both read. */
export function dialectOf(ftype: string | undefined): Dialect | undefined {
  if (ftype === metadataFtypes.incus || ftype === unifiedFtypes.incus) return "incus";
  if (ftype === metadataFtypes.lxd || ftype === unifiedFtypes.lxd) return "lxd";
  return undefined;
}

/** Whether an item of this ftype is a root. */
export function isRootFtype(ftype: string | undefined): ftype is RootFtype {
  return rootFtypes.some((root) => root === ftype);
}

/** What becomes of an image with this root. */
export function instanceTypeOf(root: RootFtype): InstanceType {
  return root === "squashfs" || root === "root.tar.xz" ? "container" : "virtual-machine";
}

/**
 * The fingerprint that clients read for this metadata item with this root, or undefined: then they list no image for
 * the pair. Only `root.tar.xz` falls back to `combined_sha256`; an empty string counts as not there (products.go, both).
 *
 * @example
 * const metadata = { ftype: "lxd.tar.xz", combined_sha256: "12ab" };
 * console.log(combinedHash(metadata, "root.tar.xz"), combinedHash(metadata, "squashfs"));
 * // 12ab undefined
 */
export function combinedHash(metadata: Item, root: RootFtype): string | undefined {
  const own = metadata[combinedFields[root]];
  if (own !== undefined && own !== "") return own;
  const fallback = root === "root.tar.xz" ? metadata.combined_sha256 : undefined;
  return fallback === "" ? undefined : fallback;
}

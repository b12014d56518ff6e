import { slug } from "./slug.ts";

/** The four names of a product. */
export interface ProductSlugs {
  readonly os: string;
  readonly release: string;
  readonly variant: string;
  readonly arch: string;
}

/** All that a path is made of. */
export interface ItemPathParts extends ProductSlugs {
  readonly version: string;
  /** What the file is: `metadata`, `rootfs`, `disk`, `image`. */
  readonly name: string;
  readonly sha256: string;
  /** Without the leading dot: `tar.xz`, `squashfs`, `qcow2`. */
  readonly extension: string;
}

/**
 * Where an item of a home-made image lies, relative to its image stream:
 * `debian/12/amd64/default/20260101_0000/rootfs-3fa94c01.squashfs`. The digits of the hash keep what was published under a
 * path from ever changing; slugs keep out everything that some client, proxy or file system would treat specially.
 */
export function itemPath(parts: ItemPathParts): string {
  const folders = [parts.os, parts.release, parts.arch, variantName(parts.variant), parts.version].map(slug);
  return `${folders.join("/")}/${slug(parts.name)}-${parts.sha256.slice(0, 8)}.${slug(parts.extension)}`;
}

/**
 * The key of a product, `os:release:variant:arch`, in slugs.
 *
 * @example
 * console.log(productKey({ os: "Rocky Linux", release: "9", variant: "", arch: "amd64" }));
 * // rocky-linux:9:default:amd64
 */
export function productKey(names: ProductSlugs): string {
  return [names.os, names.release, variantName(names.variant), names.arch].map(slug).join(":");
}

function variantName(variant: string): string {
  return variant === "" ? "default" : variant;
}

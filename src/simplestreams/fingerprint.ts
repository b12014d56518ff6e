import type { Dialect } from "./client-profile.ts";
import {
  combinedHash,
  dialectOf,
  instanceTypeOf,
  isRootFtype,
  roleOf,
  type InstanceType,
  type RootFtype,
} from "./ftypes.ts";
import type { Item, ProductsFile, Version } from "./products.ts";

export type { InstanceType } from "./ftypes.ts";

/** Whether a text is a whole fingerprint: 64 lower-case hex digits, which daemons insist on. */
export function isFingerprint(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/**
 * Whether the command lines of both projects crash over a fingerprint: they cut twelve bytes off it, in every format (image.go,
 * fingerprintColumnData).
 */
export function isTooShort(fingerprint: string): boolean {
  return fingerprint.length < 12 && new TextEncoder().encode(fingerprint).length < 12;
}

/** What the beginning of a fingerprint leads to. */
export type FingerprintMatch<Image> =
  | { readonly kind: "one"; readonly image: Image }
  | { readonly kind: "none" }
  | { readonly kind: "several"; readonly images: readonly Image[] };

/**
 * The image whose fingerprint begins with `prefix`, as GetImage finds it (shared/simplestreams/simplestreams.go, both
 * projects): there is no minimum length, and two entries that match are "More than one match" even when they are one
 * fingerprint listed twice.
 *
 * @example
 * const images = [{ fingerprint: "12ab" }, { fingerprint: "12cd" }];
 * console.log(matchFingerprint(images, "12a").image, matchFingerprint(images, "12").kind, matchFingerprint(images, "9").kind);
 * // {"fingerprint":"12ab"} several none
 */
export function matchFingerprint<Image extends { readonly fingerprint: string }>(
  images: Iterable<Image>,
  prefix: string,
): FingerprintMatch<Image> {
  const found = [...images].filter((image) => image.fingerprint.startsWith(prefix));
  const [image] = found;
  if (image === undefined) return { kind: "none" };
  return found.length === 1 ? { kind: "one", image } : { kind: "several", images: found };
}

/** One image of a version, whoever lists it. */
export interface FingerprintedImage {
  readonly fingerprint: string;
  readonly type: InstanceType;
  /** The families that list it: one item of metadata (or one unified item) speaks to one of them. */
  readonly dialects: readonly Dialect[];
  /** The root's ftype; undefined when unified. */
  readonly rootFtype: RootFtype | undefined;
  /** Key of the item that is the image: its root, or the unified file. */
  readonly itemKey: string;
  /** Keys of all items that only this image has: the root, or the unified file under each dialect. */
  readonly itemKeys: readonly string[];
  /** Key of a metadata item; undefined when unified. */
  readonly metadataKey: string | undefined;
}

/**
 * The images of a version: every metadata item with every root it has a combined hash for, and every unified item. A pair
 * that is listed for both dialects is one image.
 */
export function fingerprintsOf(version: Pick<Version, "items">): FingerprintedImage[] {
  const images = new Map<string, FingerprintedImage>();
  for (const [key, item] of version.items) {
    const dialect = dialectOf(item.ftype);
    if (dialect === undefined) continue;
    const found = roleOf(item.ftype) === "unified" ? unified(key, item) : split(key, item, version.items);
    for (const image of found) {
      // A root is one image, however many metadata items name it; unified twins share their one hash.
      const known = `${image.fingerprint} ${image.rootFtype === undefined ? "" : image.itemKey}`;
      images.set(known, join(images.get(known), image, dialect));
    }
  }
  return [...images.values()];
}

/** A place in a products file. */
export interface FingerprintPlace extends FingerprintedImage {
  readonly product: string;
  readonly version: string;
}

/**
 * Fingerprints that one family would find more than once, with their places. Such an image cannot be used at all by that
 * family's clients. Only places that the same dialect lists count against each other.
 */
export function duplicateFingerprints(file: ProductsFile): Map<string, FingerprintPlace[]> {
  const places = new Map<string, FingerprintPlace[]>();
  for (const [product, { versions }] of file.products) {
    for (const [version, content] of versions) {
      for (const image of fingerprintsOf(content)) {
        const known = places.get(image.fingerprint) ?? [];
        known.push({ ...image, product, version });
        places.set(image.fingerprint, known);
      }
    }
  }
  for (const [fingerprint, found] of places) {
    const clash = (["incus", "lxd"] as const).some(
      (dialect) => found.filter(({ dialects }) => dialects.includes(dialect)).length > 1,
    );
    if (!clash) places.delete(fingerprint);
  }
  return places;
}

type Found = Omit<FingerprintedImage, "dialects">;

function unified(key: string, item: Item): Found[] {
  if (item.sha256 === undefined || item.sha256 === "") return [];
  const isVm = item.combined_type === "virtual-machine";
  return [
    {
      fingerprint: item.sha256,
      type: isVm ? "virtual-machine" : "container",
      rootFtype: undefined,
      itemKey: key,
      itemKeys: [key],
      metadataKey: undefined,
    },
  ];
}

function split(metadataKey: string, metadata: Item, items: ReadonlyMap<string, Item>): Found[] {
  const found: Found[] = [];
  for (const [key, { ftype }] of items) {
    const fingerprint = isRootFtype(ftype) ? combinedHash(metadata, ftype) : undefined;
    if (!isRootFtype(ftype) || fingerprint === undefined) continue;
    const type = instanceTypeOf(ftype);
    found.push({ fingerprint, type, rootFtype: ftype, itemKey: key, itemKeys: [key], metadataKey });
  }
  return found;
}

function join(known: FingerprintedImage | undefined, image: Found, dialect: Dialect): FingerprintedImage {
  if (known === undefined) return { ...image, dialects: [dialect] };
  return {
    ...known,
    dialects: [...new Set([...known.dialects, dialect])],
    itemKeys: [...new Set([...known.itemKeys, ...image.itemKeys])],
  };
}

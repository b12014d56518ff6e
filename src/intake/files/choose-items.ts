import { HeadwaterError } from "../../error.ts";
import {
  combinedHash,
  instanceTypeOf,
  isRootFtype,
  metadataFtypes,
  rootFtypes,
  unifiedFtypes,
} from "../../simplestreams/ftypes.ts";
import { quoted } from "../../simplestreams/printable.ts";
import type { Item, Version } from "../../simplestreams/products.ts";

/** Those items of a version in a tree that become one build here. */
export interface ChosenItems {
  readonly kind: "split" | "unified";
  /** Metadata first and then its roots, or the one unified item. */
  readonly items: readonly Item[];
  /** What clients of the tree saw and will not see here. */
  readonly notes: readonly string[];
}

/**
 * Metadata with one root of each kind, in the clients' order of preference, or a unified item. A tree may list more: twins
 * of the metadata with other bytes, one disk under several ftypes as Ubuntu does, one file under two keys.
 * @throws IMAGE_INVALID when no client would see an image in it
 */
export function chooseItems({ items }: Version): ChosenItems {
  const all = [...items.values()];
  const [metadata] = withFtypes(all, Object.values(metadataFtypes));
  const roots = metadata === undefined ? [] : chooseRoots(all, metadata);
  if (metadata !== undefined && roots.length > 0) {
    const chosen = [metadata, ...roots];
    return { kind: "split", items: chosen, notes: [...leftOut(all, chosen), ...unlisted(metadata, roots)] };
  }
  const [unified] = withFtypes(all, Object.values(unifiedFtypes));
  if (unified !== undefined) return { kind: "unified", items: [unified], notes: leftOut(all, [unified]) };
  throw new HeadwaterError("IMAGE_INVALID", "it has no metadata item with a root, and no unified item");
}

/** The fingerprint that the tree gives for a root, or for a unified item. */
export function promisedFingerprint([first]: readonly Item[], item: Item): string | undefined {
  if (!isRootFtype(item.ftype)) return item.sha256;
  return first === undefined ? undefined : combinedHash(first, item.ftype);
}

/** At most one squashfs, one tarball and one disk; of several disks the one that clients list, then the one they prefer. */
function chooseRoots(all: readonly Item[], metadata: Item): Item[] {
  const roots = withFtypes(all, rootFtypes);
  const isListed = (root: Item): boolean => promisedFingerprint([metadata], root) !== undefined;
  const disks = roots.filter(isDisk);
  const disk = disks.find(isListed) ?? disks[0];
  return roots.filter((root) => !isDisk(root) || root === disk);
}

function isDisk({ ftype }: Item): boolean {
  return isRootFtype(ftype) && instanceTypeOf(ftype) === "virtual-machine";
}

/** The first item of each of these ftypes, in their order. */
function withFtypes(all: readonly Item[], ftypes: readonly string[]): Item[] {
  return ftypes.flatMap((ftype) => all.filter((item) => item.ftype === ftype).slice(0, 1));
}

function leftOut(all: readonly Item[], chosen: readonly Item[]): string[] {
  const known = new Set<string | undefined>([
    ...rootFtypes,
    ...Object.values(metadataFtypes),
    ...Object.values(unifiedFtypes),
  ]);
  const taken = new Set(chosen.map((item) => item.sha256));
  return all
    .filter((item) => known.has(item.ftype) && !taken.has(item.sha256))
    .map(
      (item) =>
        `${quoted(item.path)} (${item.ftype ?? ""}) is left out: a build has one file of each kind here.`,
    );
}

function unlisted(metadata: Item, roots: readonly Item[]): string[] {
  return roots
    .filter((root) => promisedFingerprint([metadata], root) === undefined)
    .map(
      (root) => `The tree gives no fingerprint for its ${root.ftype ?? ""}, so its clients did not see it.`,
    );
}

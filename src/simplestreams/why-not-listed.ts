import type { Family } from "./client-profile.ts";
import type { VersionPlace } from "./candidate.ts";
import { finding, type Finding } from "./finding.ts";
import { dialectOf, isRootFtype, metadataFtypes, unifiedFtypes } from "./ftypes.ts";
import { isFor, misreadItems } from "./misspelt.ts";
import { printable, quoted } from "./printable.ts";
import type { Product, Version } from "./products.ts";

/** Whether a version has metadata, or a unified image, of either dialect. */
export function hasImages(version: Version): boolean {
  for (const { ftype } of version.items.values()) if (dialectOf(ftype) !== undefined) return true;
  return false;
}

/** Why a family lists nothing of a version that has neither metadata nor a unified image of its dialect. */
export function whyNotListed(at: VersionPlace, family: Family): Finding[] {
  const place = { product: at.productKey, version: at.versionName };
  const misread = misreadOf(at, family).filter(({ meant }) => !isRootFtype(meant));
  if (misread.length > 0) return misread.map((one) => misreadFinding(at, one));
  const other = family === "incus" ? "lxd" : "incus";
  const ftypes = new Set([...at.version.items.values()].map((item) => item.ftype));
  for (const names of [metadataFtypes, unifiedFtypes]) {
    if (!ftypes.has(names[other])) continue;
    return [finding("other-dialect", place, `there is ${names[other]} and no ${names[family]}`)];
  }
  const reason = `there is no metadata (incus.tar.xz, lxd.tar.xz), but ${ftypesOf(at.version)}`;
  // Clouds start these disks, and trees that are for clouds alone have no metadata.
  const isForClients = [...ftypes].some(
    (ftype) => isRootFtype(ftype) && ftype !== "disk1.img" && ftype !== "uefi1.img",
  );
  return [finding(isForClients ? "no-metadata" : "not-for-clients", place, reason)];
}

/** Why these metadata items make no image in a version without a root. */
export function whyNoRoot(at: VersionPlace, metadataKeys: readonly string[], family: Family): Finding[] {
  const misread = misreadOf(at, family).filter(({ meant }) => isRootFtype(meant));
  if (misread.length > 0) return misread.map((one) => misreadFinding(at, one));
  const place = { product: at.productKey, version: at.versionName };
  const isBase = isDeltaBase(at.product, at.versionName);
  const reason = isBase
    ? "the version has no root; it is the base of a delta"
    : `expected a root (squashfs, root.tar.xz or a disk) beside the metadata, got ${ftypesOf(at.version)}`;
  return metadataKeys.map((item) => finding(isBase ? "base-only" : "no-root", { ...place, item }, reason));
}

type Misread = ReturnType<typeof misreadItems>[number];

function misreadOf({ version }: VersionPlace, family: Family): Misread[] {
  return misreadItems(version.items).filter(({ meant }) => isFor(family, meant));
}

function misreadFinding(at: VersionPlace, { key, ftype, meant }: Misread): Finding {
  const place = { product: at.productKey, version: at.versionName, item: key, field: "ftype", value: ftype };
  return ftype === undefined || ftype === ""
    ? finding("ftype-missing", place, `the item ${quoted(key)} has no ftype; perhaps ${meant} is meant`)
    : finding(
        "ftype-misspelt",
        place,
        `no client knows the ftype ${quoted(ftype)}; perhaps ${meant} is meant`,
      );
}

/** By product, since many versions may ask. */
const basesOf = new WeakMap<Product, ReadonlySet<string>>();

function isDeltaBase(product: Product, name: string): boolean {
  let bases = basesOf.get(product);
  if (bases === undefined) {
    const named = [...product.versions.values()].flatMap(({ items }) =>
      [...items.values()].map(({ delta_base }) => delta_base ?? ""),
    );
    bases = new Set(named);
    basesOf.set(product, bases);
  }
  return bases.has(name);
}

function ftypesOf(version: Version): string {
  const ftypes = [...new Set([...version.items.values()].map((item) => item.ftype ?? "no ftype"))];
  const shown = ftypes.slice(0, 6).map((ftype) => printable(ftype.slice(0, 40)));
  return shown.length === 0 ? "no items" : `${shown.join(", ")}${ftypes.length > 6 ? ", …" : ""}`;
}

import type { Candidate } from "./candidate.ts";
import type { ClientProfile } from "./client-profile.ts";
import { finding, type Finding } from "./finding.ts";
import { combinedFields, deltaFtypes, metadataFtypes, roleOf } from "./ftypes.ts";
import type { ListedDelta } from "./listed-image.ts";
import { quoted } from "./printable.ts";
import type { Item, Version } from "./products.ts";

/** The deltas of one image that a client can use, and why it cannot use the others. */
export interface Deltas {
  readonly usable: readonly ListedDelta[];
  readonly unusable: readonly Finding[];
}

/**
 * Deltas of an image: items of the root's delta ftype whose `delta_base` names a version that is still in the product and
 * has a metadata item with the base's combined hash (products.go addImage, both projects). The base needs no root item:
 * the daemon has its file.
 */
export function deltasOf(image: Candidate, client: ClientProfile): Deltas {
  const { root } = image;
  if (root === undefined || (root.ftype !== "squashfs" && root.ftype !== "disk-kvm.img")) return NONE;
  const items = deltaItemsOf(image.version).get(deltaFtypes[root.ftype]);
  if (items === undefined) return NONE;
  const usable: ListedDelta[] = [];
  const unusable: Finding[] = [];
  for (const [key, item] of items) {
    const place = { product: image.productKey, version: image.versionName, item: key };
    if (!client.deltaRoots.includes(root.ftype)) {
      unusable.push(finding("delta-unread", place, `deltas of ${root.ftype} are not read`));
      continue;
    }
    const baseFingerprint = baseOf(image, item, client);
    if (baseFingerprint === undefined) {
      const reason = `its base version ${quoted(item.delta_base)} is not listed with a fingerprint`;
      const at = { ...place, field: "delta_base", value: item.delta_base };
      unusable.push(finding("delta-base", at, reason));
      continue;
    }
    usable.push({
      item: key,
      path: item.path ?? "",
      sha256: item.sha256 ?? "",
      size: item.size ?? 0,
      baseVersion: item.delta_base ?? "",
      baseFingerprint,
    });
  }
  return { usable, unusable };
}

const NONE: Deltas = { usable: [], unusable: [] };

function baseOf(image: Candidate, delta: Item, client: ClientProfile): string | undefined {
  const base = image.product.versions.get(delta.delta_base ?? "");
  const metadata = base === undefined ? undefined : metadataOf(base).get(metadataFtypes[client.family]);
  const isVm = image.root?.ftype === "disk-kvm.img";
  // Incus takes the container's fingerprint for VM deltas as well, so they never help and may do harm.
  const field = isVm && !client.vmDeltaBaseWrong ? combinedFields["disk-kvm.img"] : combinedFields.squashfs;
  const fingerprint = metadata?.[field];
  return fingerprint === "" ? undefined : fingerprint;
}

/*
 * What is looked up in a version once, and asked for by each of its images: a version of a hostile document may have a hundred thousand
 * items, and as many images.
 */
const deltaItems = new WeakMap<Version, ReadonlyMap<string, readonly (readonly [string, Item])[]>>();
const metadataItems = new WeakMap<Version, ReadonlyMap<string, Item>>();

function deltaItemsOf(version: Version): ReadonlyMap<string, readonly (readonly [string, Item])[]> {
  let known = deltaItems.get(version);
  if (known === undefined) {
    const deltas = [...version.items].filter(([, { ftype }]) => roleOf(ftype) === "delta");
    known = new Map(
      Object.values(deltaFtypes)
        .map((wanted) => [wanted, deltas.filter(([, { ftype }]) => ftype === wanted)] as const)
        .filter(([, items]) => items.length > 0),
    );
    deltaItems.set(version, known);
  }
  return known;
}

/** The first metadata item of each ftype. */
function metadataOf(version: Version): ReadonlyMap<string, Item> {
  let known = metadataItems.get(version);
  if (known === undefined) {
    const items = [...version.items.values()].filter(({ ftype }) => roleOf(ftype) === "metadata");
    known = new Map(items.toReversed().map((item) => [item.ftype ?? "", item]));
    metadataItems.set(version, known);
  }
  return known;
}

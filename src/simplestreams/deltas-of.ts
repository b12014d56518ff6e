import type { Candidate } from "./client-walk.ts";
import type { ClientProfile } from "./client-profile.ts";
import { finding, type Finding } from "./finding.ts";
import { combinedFields, deltaFtypes, metadataFtypes } from "./ftypes.ts";
import type { ListedDelta } from "./listed-image.ts";
import { quoted } from "./printable.ts";
import type { Item } from "./products.ts";

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
  const usable: ListedDelta[] = [];
  const unusable: Finding[] = [];
  const { root } = image;
  if (root === undefined || (root.ftype !== "squashfs" && root.ftype !== "disk-kvm.img"))
    return { usable, unusable };
  for (const [key, item] of image.version.items) {
    if (item.ftype !== deltaFtypes[root.ftype]) continue;
    const place = { product: image.productKey, version: image.versionName, item: key };
    if (!client.deltaRoots.includes(root.ftype)) {
      unusable.push(finding("delta-unread", place, `${client.name} reads no deltas of ${root.ftype}`));
      continue;
    }
    const baseFingerprint = baseOf(image, item, client);
    if (baseFingerprint === undefined) {
      const reason = `its base version ${quoted(item.delta_base)} is not listed with a fingerprint`;
      unusable.push(finding("delta-base", place, reason));
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

function baseOf(image: Candidate, delta: Item, client: ClientProfile): string | undefined {
  const items = image.product.versions.get(delta.delta_base ?? "")?.items.values() ?? [];
  const metadata = [...items].find((item) => item.ftype === metadataFtypes[client.family]);
  const isVm = image.root?.ftype === "disk-kvm.img";
  // Incus takes the container's fingerprint for VM deltas as well, so they never help and may do harm.
  const field = isVm && !client.vmDeltaBaseWrong ? combinedFields["disk-kvm.img"] : combinedFields.squashfs;
  const fingerprint = metadata?.[field];
  return fingerprint === "" ? undefined : fingerprint;
}

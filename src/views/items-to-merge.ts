import { combinedFields, deltaFtypes, metadataFtypes, roleOf } from "../simplestreams/ftypes.ts";
import type { Item, Version } from "../simplestreams/products.ts";
import { withTwins } from "../simplestreams/twins.ts";
import type { ImageStream } from "./image-stream.ts";

/** The items of a version that the merged root lists, twins included where the image stream is to have them. */
export function itemsToMerge(
  items: ReadonlyMap<string, Item>,
  { upstream }: ImageStream,
): ReadonlyMap<string, Item> {
  if (upstream === undefined) return withTwins(items);
  const { record, state, holds } = upstream;
  const distrusted = new Set(state.distrusted?.map(({ fingerprint }) => fingerprint));
  const usable = new Map<string, Item>();
  for (const [key, item] of items) {
    if (!isForClients(item)) continue;
    if (record.offline && !holds.has(item.sha256 ?? "")) continue;
    usable.set(key, distrusted.size === 0 ? item : withoutFingerprints(item, distrusted));
  }
  return record.twins ? withTwins(usable) : usable;
}

/** What Incus or LXD make something of, and what can be checked. An upstream lists much else: manifests, disks for other programs. */
function isForClients(item: Item): boolean {
  const role = roleOf(item.ftype);
  const isKnown = role === "metadata" || role === "root" || role === "unified";
  // Incus takes the container's fingerprint for the base of a VM's delta and then cannot use it (shared/simplestreams/products.go).
  const isDelta = item.ftype === deltaFtypes.squashfs;
  return (
    (isKnown || isDelta) && item.path !== undefined && item.sha256 !== undefined && item.size !== undefined
  );
}

function withoutFingerprints(item: Item, distrusted: ReadonlySet<string>): Item {
  const wrong = Object.values(combinedFields).filter((field) => distrusted.has(item[field] ?? ""));
  if (wrong.length === 0 && !distrusted.has(item.combined_sha256 ?? "")) return item;
  return Object.fromEntries(
    Object.entries(item).filter(([, value]) => typeof value !== "string" || !distrusted.has(value)),
  );
}

/**
 * The versions with one usable delta each at most. Clients do not go back to the whole file once they chose a delta, and Incus applies all
 * that fit one after the other into the same file (client/simplestreams_images.go).
 */
export function withUsableDeltas(versions: ReadonlyMap<string, Version>): ReadonlyMap<string, Version> {
  const checked = new Map<string, Version>();
  for (const [name, version] of versions) {
    const deltas = [...version.items].filter(([, { ftype }]) => ftype === deltaFtypes.squashfs);
    const best = deltas
      .filter(([, { delta_base }]) => isBase(versions.get(delta_base ?? "")))
      .toSorted(([, one], [, other]) => ((one.delta_base ?? "") < (other.delta_base ?? "") ? 1 : -1))
      .at(0);
    const unusable = new Set(deltas.map(([key]) => key).filter((key) => key !== best?.[0]));
    const items = new Map([...version.items].filter(([key]) => !unusable.has(key)));
    checked.set(name, unusable.size === 0 ? version : { ...version, items });
  }
  return checked;
}

/** Whether clients can tell from this version which file a delta is against. */
function isBase(version: Version | undefined): boolean {
  const metadata = [...(version?.items.values() ?? [])].filter(({ ftype = "" }) =>
    Object.values(metadataFtypes).includes(ftype),
  );
  return metadata.some((item) => (item[combinedFields.squashfs] ?? "") !== "");
}

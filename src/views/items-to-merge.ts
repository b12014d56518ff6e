import { combinedFields, deltaFtypes, roleOf } from "../simplestreams/ftypes.ts";
import type { Item } from "../simplestreams/products.ts";
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

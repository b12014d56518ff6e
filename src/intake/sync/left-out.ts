import { fingerprintsOf } from "../../simplestreams/fingerprint.ts";
import type { Item } from "../../simplestreams/products.ts";
import { isImages, type Listing, mapVersions } from "../../simplestreams/listing.ts";
import { withUsableDeltasInAll } from "../../views/usable-deltas.ts";

/**
 * The listing without the files that could not be had. Where metadata or a root is missing, the images that need it go; a version of images
 * without an image goes, and so does a version of anything else that is not whole.
 */
export function withoutFiles(listing: Listing, missing: ReadonlySet<string>): Listing {
  if (missing.size === 0) return listing;
  const left = mapVersions(listing, (version, { file }) => {
    const items = new Map([...version.items].filter(([, { sha256 = "" }]) => !missing.has(sha256)));
    if (items.size === version.items.size) return version;
    if (!isImages(file)) return undefined;
    return fingerprintsOf({ items }).length === 0 ? undefined : { ...version, items };
  });
  return withUsableDeltasInAll(left);
}

/**
 * The listing without images whose bytes are not what their fingerprint says. The field that names the fingerprint goes, since by it
 * clients list an image, and with the last such field the root.
 */
export function withoutImages(listing: Listing, distrusted: ReadonlySet<string>): Listing {
  if (distrusted.size === 0) return listing;
  const right = mapVersions(listing, (version) => {
    const wrong = fingerprintsOf(version).filter(({ fingerprint }) => distrusted.has(fingerprint));
    if (wrong.length === 0) return version;
    const items = new Map<string, Item>();
    for (const [name, item] of version.items) items.set(name, withoutHashes(item, distrusted));
    const left = new Set(fingerprintsOf({ items }).flatMap(({ itemKeys }) => itemKeys));
    for (const { itemKeys } of wrong) for (const key of itemKeys) if (!left.has(key)) items.delete(key);
    return fingerprintsOf({ items }).length === 0 ? undefined : { ...version, items };
  });
  return withUsableDeltasInAll(right);
}

function withoutHashes(item: Item, distrusted: ReadonlySet<string>): Item {
  const kept = Object.entries(item).filter(
    ([name, value]) => !(name.startsWith("combined_") && typeof value === "string" && distrusted.has(value)),
  );
  return kept.length === Object.keys(item).length ? item : Object.fromEntries(kept);
}

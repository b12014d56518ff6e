import { isValidAlias, joinAliases, parseAliases } from "../../simplestreams/aliases.ts";
import { isFrom, originOf } from "../../simplestreams/image-origin.ts";
import type { Listing } from "../listing.ts";
import type { DaemonImage } from "./daemon-image.ts";

/** An alias that a daemon gave to an image which was here before. */
export interface MovedAlias {
  readonly alias: string;
  readonly product: string;
  /** The product that had it, and has it no more. */
  readonly from: string | undefined;
}

/**
 * Gives images that came from this daemon the aliases that they have there by now. Only where aliases mean that image here, too: where it is its
 * product's newest. An alias that somebody gave here to something else stays.
 */
export function followAliases(
  listing: Listing,
  images: readonly DaemonImage[],
  source: string,
): MovedAlias[] {
  const places = placesOf(listing, source);
  const moved: MovedAlias[] = [];
  for (const image of images) {
    const key = places.get(image.fingerprint);
    if (key === undefined || image.isCached) continue;
    for (const alias of image.aliases) {
      const product = listing.get(key);
      if (product === undefined || !isValidAlias(alias)) continue;
      const present = parseAliases(product.aliases);
      if (present.includes(alias)) continue;
      const owner = listing.otherOwner(alias, key, product.arch ?? "");
      if (owner !== undefined && !isFrom(listing.newest(owner), source)) continue;
      if (owner !== undefined) listing.dropAlias(owner, alias);
      listing.set(key, { ...product, aliases: joinAliases([...present, alias]) });
      moved.push({ alias, product: key, from: owner });
    }
  }
  return moved;
}

/** By the fingerprint on the daemon: the product whose newest version was taken from there. */
function placesOf(listing: Listing, source: string): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  for (const key of listing.file.products.keys()) {
    const newest = listing.newest(key);
    const origin = newest === undefined || !isFrom(newest, source) ? undefined : originOf(newest);
    if (origin !== undefined) places.set(origin.fingerprint, key);
  }
  return places;
}

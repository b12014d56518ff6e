import { HeadwaterError } from "../../error.ts";
import { type Pinned, pinnedVersions } from "../../retention/pinned.ts";
import type { Listing } from "../../simplestreams/listing.ts";
import type { Version } from "../../simplestreams/products.ts";
import { type ImageStream, listingOf } from "../../views/image-stream.ts";
import { hasImagesOf } from "./plan.ts";

/** Somebody pinned a version while files came that are to be listed without it. Throws STORE_BUSY: the next sync looks at its pin. */
export function refuseToDropPinned(now: ImageStream, next: Listing, pinned: Pinned): void {
  for (const { product, version } of pinnedVersions(now, pinned)) {
    const [then] = versionsIn(listingOf(now), product, version);
    const there = versionsIn(next, product, version);
    if (then !== undefined && there.some((one) => hasImagesOf(one, then))) continue;
    throw new HeadwaterError(
      "STORE_BUSY",
      `${product} ${version} of ${now.name} was pinned during the sync.`,
      {
        hint: "Sync again: what came is not fetched twice.",
        details: { product, version },
      },
    );
  }
}

function versionsIn(listing: Listing, product: string, version: string): Version[] {
  return [...listing.values()].flatMap(({ products }) => products.get(product)?.versions.get(version) ?? []);
}

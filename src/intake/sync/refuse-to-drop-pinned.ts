import { HeadwaterError } from "../../error.ts";
import { type Pinned, pinnedVersions } from "../../retention/pinned.ts";
import type { Listing } from "../../simplestreams/listing.ts";
import type { ImageStream } from "../../views/image-stream.ts";

/** Somebody pinned a version while files came that are to be listed without it. Throws STORE_BUSY: the next sync looks at its pin. */
export function refuseToDropPinned(now: ImageStream, next: Listing, pinned: Pinned): void {
  for (const { product, version } of pinnedVersions(now, pinned)) {
    if ([...next.values()].some(({ products }) => products.get(product)?.versions.has(version) === true))
      continue;
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

import type { Family } from "./daemons.ts";
import { ARCHITECTURE } from "./image-files.ts";
import type { PrintedImage } from "./user.ts";
import {
  type ListedImage,
  type ProductsFile,
  clientProfile,
  imagesOf,
} from "../../src/simplestreams/index.ts";

/** The profiles of the versions that Debian 12 packages, which are the ones these tests run. */
export const PROFILE = { incus: clientProfile("incus 6.0"), lxd: clientProfile("lxd 5.0") } as const;

/** What Headwater predicts that a client on this machine lists. */
export function predicted(products: ProductsFile, family: Family): ListedImage[] {
  return imagesOf(products, PROFILE[family], { clientArch: ARCHITECTURE.kernel });
}

/** A prediction in the words of `image list --format json`, so that nothing that is printed escapes the comparison. */
export function asPrinted(image: ListedImage, family: Family): PrintedImage {
  return {
    fingerprint: image.fingerprint,
    // Go prints a list that was never filled as null: an image whose aliases all went to others.
    aliases: image.aliases.length === 0 ? null : image.aliases.map((name) => ({ name, description: "" })),
    properties: image.properties,
    type: image.type,
    size: image.size,
    filename: image.filename,
    architecture: image.architecture,
    created_at: image.createdAt,
    uploaded_at: image.uploadedAt,
    expires_at: image.expiresAt,
    ...SAME_FOR_EVERY_IMAGE,
    // Incus prints the project an image belongs to, which is nothing to a simplestreams server; LXD 5.0.2 has no such field.
    ...(family === "incus" ? { project: "" } : {}),
  };
}

/** What both clients print for each image of a simplestreams server, whatever it says: facts about daemons' own images. */
const SAME_FOR_EVERY_IMAGE = {
  auto_update: false,
  cached: false,
  last_used_at: "0001-01-01T00:00:00Z",
  profiles: null,
  public: true,
} as const;

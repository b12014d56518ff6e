import { parseAliases } from "../aliases.ts";
import type { ClientProfile } from "../client-profile.ts";
import type { Finding } from "../finding.ts";
import { imagesOf } from "../images-of.ts";
import type { ListedImage } from "../listed-image.ts";
import type { ProductsFile } from "../products.ts";
import { checkImage } from "./check-images.ts";
import { checkOrder } from "./check-order.ts";
import { checkProduct } from "./check-products.ts";

/**
 * What a client lists and cannot use, or uses in a way nobody means: fingerprints that are listed twice, files without
 * hash, images with no defined order, deltas that do harm. Empty when there is no such thing.
 */
export function hazards(files: ProductsFile | readonly ProductsFile[], client: ClientProfile): Finding[] {
  return checkListing(isOne(files) ? [files] : files, imagesOf(files, client), client);
}

function isOne(files: ProductsFile | readonly ProductsFile[]): files is ProductsFile {
  return !Array.isArray(files);
}

/** The same for images that are worked out already: all that the client lists of these files, in its order. */
export function checkListing(
  files: readonly ProductsFile[],
  images: readonly ListedImage[],
  client: ClientProfile,
): Finding[] {
  const findings: Finding[] = [];
  const listing = new Map<string, ListedImage>();
  for (const image of images) {
    const file = files[image.file];
    if (file !== undefined) findings.push(...checkImage(image, file, client));
    listing.set(`${image.file} ${image.product}`, image);
  }
  const aliases = new Map<string, readonly string[]>();
  for (const [key, { file, product }] of listing) {
    const fields = files[file]?.products.get(product);
    if (fields === undefined) continue;
    aliases.set(key, parseAliases(fields.aliases));
    // One by one: a product may have a million aliases, and as many findings.
    for (const found of checkProduct(fields, { file, product }, client)) findings.push(found);
  }
  const aliasesOf = (image: ListedImage) => aliases.get(`${image.file} ${image.product}`) ?? [];
  return [...findings, ...checkOrder(images, aliasesOf)];
}

import { HeadwaterError } from "../../error.ts";
import { placeText } from "../../simplestreams/finding.ts";
import type { ProductsFile } from "../../simplestreams/products.ts";
import { useRules } from "../../simplestreams/rules/use-rules.ts";
import { withoutErrors } from "../../simplestreams/rules/without-errors.ts";
import { amountsOf, NONE, sum, tooMuch } from "../../simplestreams/tree/too-much.ts";
import { type Oddities, readUpstreamProducts } from "../../simplestreams/upstream-documents.ts";
import type { Fetched } from "./fetched.ts";
import { isImages, type Listing } from "../../simplestreams/listing.ts";
import { jsonPath } from "./own-root.ts";

/**
 * What an upstream lists, as far as it can be used, and what was left out or put right. Throws DOCUMENT_INVALID when that is nothing, and
 * DOCUMENT_TOO_LARGE when a short text asks for more than all the largest servers have: each metadata item with each root is an image.
 */
export function readListing(
  fetched: Fetched,
  url: string,
): { readonly listing: Listing; readonly oddities: Oddities } {
  const listing = new Map<string, ProductsFile>();
  const odd: string[] = [];
  let versions = 0;
  let amounts = NONE;
  for (const [path, text] of fetched.products) {
    const read = readUpstreamProducts(text, { name: `${url}/${path}` });
    amounts = sum(amounts, amountsOf(read.file));
    const much = tooMuch(amounts);
    if (much !== undefined)
      throw new HeadwaterError("DOCUMENT_TOO_LARGE", `cannot use ${url}/${path}: ${much}`);
    const usable = usableOf(read.file);
    odd.push(...read.oddities, ...usable.oddities);
    listing.set(jsonPath(path), usable.file);
    for (const product of usable.file.products.values()) versions += product.versions.size;
  }
  if (versions > 0) return { listing, oddities: [...odd, ...fetched.oddities] };
  throw new HeadwaterError("DOCUMENT_INVALID", `${url} lists no image at all, which is not believed.`, {
    hint: "What was listed before stays. Check the address of the upstream.",
  });
}

/** Without what clients would list and could not use. What they do not list may be for others, and stays. */
function usableOf(file: ProductsFile): { readonly file: ProductsFile; readonly oddities: Oddities } {
  if (!isImages(file)) return { file, oddities: [] };
  const { file: usable, leftOut } = withoutErrors(file, (rule) => rule in useRules);
  return {
    file: usable,
    oddities: leftOut.map((found) => `${placeText(found)}: left out, ${found.rule}: ${found.reason}`),
  };
}

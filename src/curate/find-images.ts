import { HeadwaterError } from "../error.ts";
import { parseAliases } from "../simplestreams/aliases.ts";
import { type ImageRow, imageRows } from "../views/image-rows.ts";
import type { ImageStream } from "../views/image-stream.ts";

/**
 * What a person means by one word on a command line: a product key (all its images), an alias (the newest version of
 * every product it names, as clients see it), or a fingerprint, whole or its beginning. In this order, as clients look up
 * an alias before a fingerprint.
 * @throws NOT_FOUND when nothing is meant, USAGE when a short fingerprint fits several images
 */
export function findImages(streams: readonly ImageStream[], target: string): ImageRow[] {
  const rows = imageRows(streams);
  const ofProduct = rows.filter((row) => row.product === target);
  if (ofProduct.length > 0) return ofProduct;
  const named = new Set(
    streams.flatMap((stream) =>
      [...stream.products.products]
        .filter(([, product]) => parseAliases(product.aliases).includes(target))
        .map(([key]) => `${stream.name}/${key}`),
    ),
  );
  if (named.size > 0) return rows.filter((row) => row.newest && named.has(`${row.stream}/${row.product}`));
  const matching = /^[0-9a-f]+$/.test(target) ? rows.filter((row) => row.fingerprint.startsWith(target)) : [];
  if (matching.length === 0) {
    throw new HeadwaterError("NOT_FOUND", `no product, alias or fingerprint "${target}" is listed`, {
      hint: "headwater list shows what is.",
      details: { target },
    });
  }
  const fingerprints = new Set(matching.map((row) => row.fingerprint));
  if (fingerprints.size > 1) {
    throw new HeadwaterError("USAGE", `"${target}" is the beginning of ${fingerprints.size} fingerprints`, {
      hint: "Give more of its digits.",
      details: { target, fingerprints: [...fingerprints] },
    });
  }
  return matching;
}

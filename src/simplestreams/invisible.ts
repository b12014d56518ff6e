import type { ClientProfile } from "./client-profile.ts";
import { walkAsClient } from "./client-walk.ts";
import { deltasOf } from "./deltas-of.ts";
import type { Finding } from "./finding.ts";
import type { ProductsFile } from "./products.ts";

/**
 * What a client leaves out of its list without a word: products, versions, images and deltas, each with the reason, the place and
 * the source of the rule. Empty when everything is listed. Not reported: items of no role, which nobody lists (checksums,
 * manifests), and the other family's metadata where this family has its own.
 */
export function invisible(file: ProductsFile, client: ClientProfile): Finding[] {
  const findings: Finding[] = [];
  walkAsClient(file, client, {
    image: (found) => {
      // One by one: there may be a hundred thousand.
      for (const unusable of deltasOf(found, client).unusable) findings.push(unusable);
    },
    hidden: (found) => findings.push(found),
  });
  return findings;
}

import { type ClientProfile, clientProfile } from "../client-profile.ts";
import type { Candidate } from "../candidate.ts";
import { walkAsClient } from "../client-walk.ts";
import { finding, type Finding, type Place } from "../finding.ts";
import { combinedFields } from "../ftypes.ts";
import { filesToFetch } from "../images-of.ts";
import { deltasOf } from "../deltas-of.ts";
import { quoted } from "../printable.ts";
import type { ProductsFile } from "../products.ts";
import { checkFiles } from "./check-images.ts";

/**
 * Everything in a products file that a rule calls an error, for the newest client of either project: they know all that older ones know.
 * In one pass and without putting images in order, since every publication asks.
 */
export function errorsOf(file: ProductsFile): Finding[] {
  const errors = new Map<string, Finding>();
  for (const family of ["incus", "lxd"] as const) {
    for (const found of errorsFor(file, clientProfile(family))) {
      const { rule, product, version, item, field } = found;
      errors.set(JSON.stringify([rule, product, version, item, field]), found);
    }
  }
  return [...errors.values()];
}

function errorsFor(file: ProductsFile, client: ClientProfile): Finding[] {
  const found: Finding[] = [];
  const places = new Map<string, FirstPlace>();
  walkAsClient(file, client, {
    hidden: (one) => found.push(one),
    image: (image) => {
      const place = { product: image.productKey, version: image.versionName };
      const { fingerprint } = image;
      const deltas = deltasOf(image, client).usable;
      const type = image.root?.ftype ?? "tar.gz";
      found.push(...checkFiles({ fingerprint, files: filesToFetch(image), deltas, type }, place));
      const first = places.get(fingerprint);
      if (first === undefined) places.set(fingerprint, { ...place, image });
      else {
        const reason = `the fingerprint ${quoted(fingerprint)} is also listed as ${quoted(first.product)} ${quoted(first.version)}`;
        found.push(finding("duplicate-fingerprint", { ...place, ...whose(image, first.image) }, reason));
      }
    },
  });
  return found.filter(({ level }) => level === "error");
}

interface FirstPlace {
  readonly product: string;
  readonly version: string;
  readonly image: Candidate;
}

/** What only this image has, and not the one that was first: its root, or what a second metadata item says of the same root. */
function whose({ version, root, metadataKey, fingerprint }: Candidate, first: Candidate): Place {
  if (root === undefined) return { item: metadataKey };
  const isSameRoot = version === first.version && root.key === first.root?.key;
  if (!isSameRoot) return { item: root.key };
  return { item: metadataKey, field: combinedFields[root.ftype], value: fingerprint };
}

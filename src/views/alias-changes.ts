import type { InstanceType } from "../simplestreams/ftypes.ts";
import type { ProductsFile } from "../simplestreams/products.ts";
import { Claims, imagesIn } from "./found-images.ts";

/** An alias of the merged root that leads elsewhere, for one type and one architecture. Part of `--json`. */
export interface AliasChange {
  readonly alias: string;
  readonly type: InstanceType;
  readonly arch: string;
  /** `replaced`: another version of the same product; `moved`: another product. */
  readonly change: "added" | "removed" | "replaced" | "moved";
  readonly from: AliasTarget | null;
  readonly to: AliasTarget | null;
}

export interface AliasTarget {
  /** Its key in the merged root. */
  readonly product: string;
  readonly version: string;
  readonly fingerprint: string;
}

/** Where the aliases of two merged roots lead, as clients of each type and architecture follow them; sorted by alias. */
export function aliasChanges(
  before: ProductsFile | undefined,
  after: ProductsFile | undefined,
): AliasChange[] {
  const earlier = targetsOf(before);
  const later = targetsOf(after);
  const changes: AliasChange[] = [];
  for (const key of [...new Set([...earlier.keys(), ...later.keys()])].toSorted()) {
    const from = earlier.get(key);
    const to = later.get(key);
    const named = from ?? to;
    if (named === undefined || from?.target.fingerprint === to?.target.fingerprint) continue;
    const { alias, type, arch } = named;
    const change = kindOf(from?.target, to?.target);
    changes.push({ alias, type, arch, change, from: from?.target ?? null, to: to?.target ?? null });
  }
  return changes;
}

function kindOf(from: AliasTarget | undefined, to: AliasTarget | undefined): AliasChange["change"] {
  if (from === undefined) return "added";
  if (to === undefined) return "removed";
  return from.product === to.product ? "replaced" : "moved";
}

interface NamedTarget extends Pick<AliasChange, "alias" | "type" | "arch"> {
  readonly target: AliasTarget;
}

/** By alias, type and architecture. */
function targetsOf(merged: ProductsFile | undefined): Map<string, NamedTarget> {
  const targets = new Map<string, NamedTarget>();
  const claims = new Claims();
  for (const found of merged === undefined ? [] : imagesIn(merged)) {
    const { image, productKey: product, versionName: version, architecture, product: fields } = found;
    for (const alias of claims.of(found)) {
      const target = { product, version, fingerprint: image.fingerprint };
      const key = `${alias}\n${image.type}\n${architecture}`;
      targets.set(key, { alias, type: image.type, arch: fields.arch ?? "", target });
    }
  }
  return targets;
}

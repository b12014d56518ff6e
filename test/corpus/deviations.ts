import { aliasForms } from "./alias-forms.ts";
import { architectures } from "./architectures.ts";
import { deltas } from "./deltas.ts";
import type { Deviation } from "./deviation.ts";
import { fields } from "./fields.ts";
import { fingerprints } from "./fingerprints.ts";
import { ftypes } from "./ftypes.ts";
import { indexes } from "./indexes.ts";
import { orders } from "./orders.ts";
import { paths } from "./paths.ts";
import { productsFiles } from "./products-files.ts";
import { texts } from "./texts.ts";
import { types } from "./types.ts";
import { versionNames } from "./version-names.ts";

/** The corpus: small trees, one deviation each from the smallest one that works. */
export const deviations: readonly Deviation[] = [
  ...fields,
  ...types,
  ...texts,
  ...versionNames,
  ...ftypes,
  ...fingerprints,
  ...deltas,
  ...aliasForms,
  ...architectures,
  ...orders,
  ...paths,
  ...indexes,
  ...productsFiles,
];

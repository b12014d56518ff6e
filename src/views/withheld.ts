import { fingerprintsOf } from "../simplestreams/fingerprint.ts";
import type { Product, ProductsFile } from "../simplestreams/products.ts";
import { useRules } from "../simplestreams/rules/use-rules.ts";
import { type WithoutErrors, withoutErrors } from "../simplestreams/rules/without-errors.ts";
import type { StreamRecord } from "../store/generation.ts";
import type { ImageStream } from "./image-stream.ts";

type Hidden = StreamRecord["hidden"][number];

/** Where a product of the merged root comes from. */
export interface OriginOfProduct {
  /** Its key in its image stream. */
  readonly key: string;
  /** What that image stream has and the merged root has not. */
  readonly missing: Hidden[];
}

/** Nothing goes out that a rule calls an error: what has to go is hidden, with the rule and its reason. The same file where nothing has to. */
export function withheld(merged: ProductsFile, origins: ReadonlyMap<string, OriginOfProduct>): ProductsFile {
  const without = withoutErrors(merged);
  hide(merged, without, origins);
  return without.file;
}

/** An image stream without what clients would list and could not use. Which of two has a fingerprint is decided when all are merged. */
export function withoutUnusable(stream: ImageStream): {
  readonly stream: ImageStream;
  readonly missing: readonly Hidden[];
} {
  const { file, leftOut } = withoutErrors(
    stream.products,
    (rule) => rule in useRules && rule !== "duplicate-fingerprint",
  );
  if (leftOut.length === 0) return { stream, missing: [] };
  const products = withoutEmpty(file, new Set(leftOut.map((found) => found.product ?? "")));
  const missing: Hidden[] = [];
  const origins = new Map([...stream.products.products.keys()].map((key) => [key, { key, missing }]));
  hide(stream.products, { file: products, leftOut }, origins);
  return { stream: { ...stream, products }, missing };
}

/** Of these products, those that still have an image: an empty one would keep its name from the next image stream. */
function withoutEmpty(file: ProductsFile, changed: ReadonlySet<string>): ProductsFile {
  const products = [...file.products].filter(
    ([key, product]) => !changed.has(key) || fingerprintsIn(product).length > 0,
  );
  return { ...file, products: new Map(products) };
}

function hide(
  before: ProductsFile,
  { file, leftOut }: WithoutErrors,
  origins: ReadonlyMap<string, OriginOfProduct>,
): void {
  for (const product of new Set(leftOut.map((found) => found.product ?? ""))) {
    const origin = origins.get(product);
    const first = leftOut.find((found) => found.product === product);
    if (origin === undefined || first === undefined) continue;
    const left = new Set(fingerprintsIn(file.products.get(product)));
    for (const fingerprint of fingerprintsIn(before.products.get(product))) {
      if (left.has(fingerprint)) continue;
      origin.missing.push({ fingerprint, product: origin.key, reason: `${first.rule}: ${first.reason}` });
    }
  }
}

function fingerprintsIn(product: Product | undefined): string[] {
  return [...(product?.versions.values() ?? [])].flatMap((version) =>
    fingerprintsOf(version).map(({ fingerprint }) => fingerprint),
  );
}

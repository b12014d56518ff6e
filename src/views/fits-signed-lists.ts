import type { Product } from "../simplestreams/products.ts";
import { renderProducts } from "../simplestreams/render.ts";
import { LONGEST_LINE, signableText } from "../simplestreams/signed-form.ts";

/** However many texts of this length come together on a line, in whatever script, it stays short enough. */
const SHORT_TEXT = 400;

/** Whether a list with this product can be clear-signed: one text that GnuPG's lines cannot hold would spoil the signature for all others. */
export function fitsSignedLists(key: string, product: Product): boolean {
  if (!hasLongText(key) && !hasLongText(product)) return true;
  const lines = signableText(renderProducts({ products: new Map([[key, product]]) })).split("\n");
  return lines.every((line) => line.length <= LONGEST_LINE);
}

function hasLongText(value: unknown): boolean {
  if (typeof value === "string") return value.length > SHORT_TEXT;
  if (typeof value !== "object" || value === null) return false;
  const members = value instanceof Map ? value : Object.entries(value);
  for (const [name, member] of members as Iterable<[unknown, unknown]>)
    if (hasLongText(name) || hasLongText(member)) return true;
  return false;
}

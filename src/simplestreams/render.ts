import type { IndexFile } from "./index-file.ts";
import type { Product, ProductsFile, Version } from "./products.ts";

const fileKeys = ["content_id", "datatype", "format", "license", "updated", "products"];
const productKeys = [
  "aliases",
  "arch",
  "os",
  "release",
  "release_codename",
  "release_title",
  "requirements",
  "lxd_requirements",
  "supported",
  "support_eol",
  "variant",
  "version",
  "versions",
];
const versionKeys = ["label", "pubname", "items"];
const itemKeys = ["ftype", "path", "size", "sha256", "md5"];
const indexKeys = ["format", "updated", "index"];
const entryKeys = ["datatype", "path", "format", "updated", "products"];

/**
 * A products file as text: known keys in a fixed order, then all others in their own, one line, final newline. Equal
 * content gives equal bytes. It is compact because it is megabytes that every client downloads whole, every time, and
 * holds in memory; people read `headwater list` and `jq`.
 */
export function renderProducts(file: ProductsFile): string {
  return `${object(file, fileKeys, { key: "products", text: mapText(file.products, renderProduct) })}\n`;
}

/** An index as text, indented: it is a few lines, and the first thing a person looks at with `curl`. */
export function renderIndex(file: IndexFile): string {
  const entries = mapText(file.index, (entry) => object(entry, entryKeys));
  const compact = object(file, indexKeys, { key: "index", text: entries });
  return `${JSON.stringify(JSON.parse(compact), null, 2)}\n`;
}

function renderProduct(product: Product): string {
  return object(product, productKeys, { key: "versions", text: mapText(product.versions, renderVersion) });
}

function renderVersion(version: Version): string {
  const items = mapText(version.items, (item) => object(item, itemKeys));
  return object(version, versionKeys, { key: "items", text: items });
}

type Keyed = { readonly [key: string]: unknown };

/** Text is joined by hand: an object built in between could not hold a Map's order, nor keep `__proto__` an own key. */
function object(
  value: Keyed,
  order: readonly string[],
  container?: { readonly key: string; readonly text: string },
): string {
  if (container === undefined && isInOrder(value, order)) return JSON.stringify(value);
  const parts: string[] = [];
  const add = (key: string) => {
    const text = key === container?.key ? container.text : JSON.stringify(value[key]);
    if (text !== undefined) parts.push(`${JSON.stringify(key)}:${text}`);
  };
  for (const key of order) if (Object.hasOwn(value, key)) add(key);
  for (const key of Object.keys(value)) if (!order.includes(key)) add(key);
  return `{${parts.join(",")}}`;
}

/** Whether the known keys come first and in order, as in what this program made: items are then written in one go. */
function isInOrder(value: Keyed, order: readonly string[]): boolean {
  let last = 0;
  for (const key of Object.keys(value)) {
    const place = order.indexOf(key);
    const rank = place === -1 ? order.length : place;
    if (rank < last) return false;
    last = rank;
  }
  return true;
}

function mapText<Member>(members: ReadonlyMap<string, Member>, render: (member: Member) => string): string {
  const parts: string[] = [];
  for (const [key, member] of members) parts.push(`${JSON.stringify(key)}:${render(member)}`);
  return `{${parts.join(",")}}`;
}

import { isObject, objectsIn, type RawObject } from "./containers.ts";

/** What a product may take from its file, a version from its product, an item from all of them: the fields that clients read there. */
const PRODUCT_FIELDS = [
  "arch",
  "os",
  "release",
  "release_title",
  "release_codename",
  "version",
  "variant",
  "aliases",
];
const VERSION_FIELDS = ["label", "pubname"];
const ITEM_FIELDS = ["ftype", "path", "size", "sha256", "md5"];

/**
 * Puts attributes where clients look for them. The format lets a text or number that all members share stand once, further up
 * (simplestreams, util.py `products_exdata`); Incus and LXD read it only in its place. Nothing is moved or overwritten:
 * what is missing is added. Changes `raw`, which nobody else holds.
 */
export function inheritAttributes(raw: RawObject): void {
  const lookups = aliasTable(raw["_aliases"]);
  for (const [, product] of objectsIn(raw["products"])) {
    expandAliases(product, lookups);
    inherit(product, PRODUCT_FIELDS, [raw]);
    for (const [, version] of objectsIn(product["versions"])) {
      inherit(version, VERSION_FIELDS, [product, raw]);
      for (const [, item] of objectsIn(version["items"])) inherit(item, ITEM_FIELDS, [version, product, raw]);
    }
  }
}

function inherit(target: RawObject, fields: readonly string[], ancestors: readonly RawObject[]): void {
  for (const field of fields) {
    if (target[field] !== undefined) continue;
    const value = ancestors.map((ancestor) => ancestor[field]).find((one) => one !== undefined);
    if (typeof value === "string" || typeof value === "number") target[field] = value;
  }
}

/** `_aliases`: by field and value, further fields that go with it. A value that is not in the table just has none. */
type AliasTable = ReadonlyMap<string, ReadonlyMap<string, RawObject>>;

function aliasTable(raw: unknown): AliasTable {
  const table = new Map<string, Map<string, RawObject>>();
  if (!isObject(raw)) return table;
  for (const [field, values] of Object.entries(raw)) {
    if (!isObject(values)) continue;
    const known = Object.entries(values).filter((entry): entry is [string, RawObject] => isObject(entry[1]));
    table.set(field, new Map(known));
  }
  return table;
}

function expandAliases(product: RawObject, table: AliasTable): void {
  for (const [field, values] of table) {
    const value = Object.hasOwn(product, field) ? product[field] : undefined;
    const extra = typeof value === "string" ? values.get(value) : undefined;
    if (extra === undefined) continue;
    for (const [name, text] of Object.entries(extra)) {
      if (name !== "__proto__" && product[name] === undefined) product[name] = text;
    }
  }
}

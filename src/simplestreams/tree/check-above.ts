import { isObject, type RawObject } from "../containers.ts";
import { finding, type Finding, type Place } from "../finding.ts";
import type { TreeFile } from "./read-tree.ts";

/** Fields without which something is not listed or cannot be used, and that other readers take from the levels above. */
const PRODUCT_FIELDS = ["arch", "os", "release", "aliases"];
const ITEM_FIELDS = ["ftype", "path", "size", "sha256"];

/** Fields that stand above the object they are about, where Incus and LXD do not look. One finding for each object and field. */
export function* checkAbove({ decoded }: TreeFile): Generator<Finding, void> {
  const raw = decoded?.raw;
  if (!isObject(raw)) return;
  // Most documents have nothing of the kind, and then nobody goes through their items.
  const fileFields = ownFields(raw, [...PRODUCT_FIELDS, ...ITEM_FIELDS]);
  for (const [product, rawProduct] of members(raw["products"])) {
    yield* missing(rawProduct, intersect(fileFields, PRODUCT_FIELDS), { product });
    const productFields = [...intersect(fileFields, ITEM_FIELDS), ...ownFields(rawProduct, ITEM_FIELDS)];
    for (const [version, rawVersion] of members(rawProduct["versions"])) {
      const above = [...new Set([...productFields, ...ownFields(rawVersion, ITEM_FIELDS)])];
      if (above.length === 0) continue;
      for (const [item, rawItem] of members(rawVersion["items"])) {
        yield* missing(rawItem, above, { product, version, item });
      }
    }
  }
}

function missing(raw: RawObject, above: readonly string[], place: Place): Finding[] {
  return above
    .filter((field) => raw[field] === undefined)
    .map((field) => finding("field-above", { ...place, field }, `the field ${field} stands further up only`));
}

function ownFields(raw: RawObject, fields: readonly string[]): string[] {
  return fields.filter((field) => Object.hasOwn(raw, field) && typeof raw[field] !== "object");
}

function intersect(some: readonly string[], others: readonly string[]): string[] {
  return some.filter((field) => others.includes(field));
}

function members(container: unknown): [string, RawObject][] {
  if (!isObject(container)) return [];
  return Object.entries(container).filter((entry): entry is [string, RawObject] => isObject(entry[1]));
}

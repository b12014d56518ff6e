import { HeadwaterError } from "../error.ts";
import { quoted } from "./printable.ts";
import type { Item, Json, Product, ProductsFile, Version } from "./products.ts";

/** Which items of an upstream are wanted: all conditions hold. */
export type Selection = (fields: SelectedFields) => boolean;

/** A field of an item, or the one it inherits from its version, its product or its file; undefined when nobody has it. */
export type SelectedFields = (name: string) => Json | undefined;

/** One item with everything above it. */
export interface ItemPlace {
  readonly file: ProductsFile;
  readonly productName: string;
  readonly product: Product;
  readonly versionName: string;
  readonly version: Version;
  readonly itemName: string;
  readonly item: Item;
}

/** What a selection looks at. `product_name`, `version_name` and `item_name` are the keys under which things stand. */
export function selectedFields(place: ItemPlace): SelectedFields {
  const levels = [place.item, place.version, place.product, place.file];
  return (name) => {
    if (name === "product_name") return place.productName;
    if (name === "version_name") return place.versionName;
    if (name === "item_name") return place.itemName;
    return fieldIn(levels, name);
  };
}

/** The same for a product alone. */
export function selectedProductFields({
  productName,
  product,
  file,
}: Pick<ItemPlace, "productName" | "product" | "file">): SelectedFields {
  return (name) => (name === "product_name" ? productName : fieldIn([product, file], name));
}

/** Of the first that has it. */
function fieldIn(levels: readonly Readonly<Record<string, unknown>>[], name: string): Json | undefined {
  for (const level of levels) {
    const value = Object.hasOwn(level, name) ? level[name] : undefined;
    if (value !== undefined && !(value instanceof Map)) return value as Json;
  }
  return undefined;
}

/**
 * Reads `release=noble,jammy arch=amd64 ftype!=vmdk aliases~(^|,)24`: conditions separated by blanks, each a field, an operator and a value.
 * `=` is one of the values, `!=` is none of them, `~` and `!~` match a regular expression. A field that is not there equals
 * the empty value. Throws USAGE for what cannot be read.
 */
export function parseSelection(text: string): Selection {
  const conditions = text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map(parseCondition);
  if (conditions.length === 0) throw unreadable(text, "there is no condition in it");
  return (fields) => conditions.every((condition) => condition(fields));
}

const MAX_PATTERN = 200;

function parseCondition(word: string): Selection {
  const [, field = "", operator = "", value = ""] = /^([A-Za-z_][\w-]*)(!=|=|!~|~)(.*)$/s.exec(word) ?? [];
  if (operator === "")
    throw unreadable(word, "expected field=value, field!=value, field~pattern or field!~pattern");
  if (operator.endsWith("=")) {
    const values = new Set(value.split(","));
    return operator === "="
      ? (fields) => values.has(textOf(fields(field)))
      : (fields) => !values.has(textOf(fields(field)));
  }
  if (value.length > MAX_PATTERN)
    throw unreadable(word, `expected a pattern of at most ${MAX_PATTERN} characters`);
  const pattern = compile(value, word);
  return operator === "~"
    ? (fields) => pattern.test(textOf(fields(field)))
    : (fields) => !pattern.test(textOf(fields(field)));
}

function compile(pattern: string, word: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch {
    throw unreadable(word, "its pattern is no regular expression");
  }
}

function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function unreadable(word: string, why: string): HeadwaterError {
  return new HeadwaterError("USAGE", `cannot select by ${quoted(word)}: ${why}`, {
    hint: "Write it as in --select 'release=noble,jammy arch=amd64 ftype=lxd.tar.xz,squashfs'.",
    details: { selection: word },
  });
}

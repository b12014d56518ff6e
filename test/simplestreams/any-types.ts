import * as fc from "fast-check";
import {
  indexDefinition,
  indexEntryDefinition,
  itemDefinition,
  productDefinition,
  productsDefinition,
  versionDefinition,
} from "../../src/simplestreams/definitions.ts";

/*
 * Documents whose fields mostly have the right type: what a schema says about types is held against them.
 */

/** The fields that clients know, by kind of object. */
export const STRUCTS = {
  file: Object.keys(productsDefinition.shape),
  product: Object.keys(productDefinition.shape),
  version: Object.keys(versionDefinition.shape),
  item: Object.keys(itemDefinition.shape),
} as const;

const text = fc.string({ maxLength: 5 });
const wrong = fc.constantFrom<unknown>(null, null, true, 7, 1.5, "x", [], ["a"], {}, { a: "b" }, { a: 1 });
const mostly = (right: fc.Arbitrary<unknown>) =>
  fc.oneof({ arbitrary: right, weight: 60 }, { arbitrary: wrong, weight: 1 });

/** A name that is foreign, hostile, or almost that of a field. */
const otherName = (fields: readonly string[]) =>
  fc.oneof(
    text,
    fc.constantFrom("__proto__", "constructor", "toString"),
    ...(fields.length === 0
      ? []
      : [{ weight: 1, arbitrary: fc.constantFrom(...fields).map((field) => field.toUpperCase()) }]),
  );

function struct(
  fields: readonly string[],
  special: Readonly<Record<string, fc.Arbitrary<unknown>>>,
): fc.Arbitrary<unknown> {
  const known = Object.fromEntries(fields.map((field) => [field, mostly(special[field] ?? text)]));
  const odd = fc.option(fc.tuple(otherName(fields), wrong), { freq: 8, nil: undefined });
  return fc
    .tuple(fc.record(known, { requiredKeys: Object.keys(special).filter((key) => key.endsWith("s")) }), odd)
    .map(([right, more]) =>
      Object.fromEntries([...Object.entries(right), ...(more === undefined ? [] : [more])]),
    );
}

/** Own members, also one called `__proto__`. */
const members = (value: fc.Arbitrary<unknown>) =>
  fc
    .array(fc.tuple(otherName([]), mostly(value)), { maxLength: 3 })
    .map((entries) => Object.fromEntries(entries));

const requirements = members(text);
const size = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(-1, 2 ** 53, 2 ** 63, 1e21, 0.5));
const item = struct(STRUCTS.item, { size: fc.oneof({ arbitrary: fc.nat(), weight: 20 }, size) });
const version = struct(STRUCTS.version, { items: members(item) });
const product = struct(STRUCTS.product, {
  requirements,
  lxd_requirements: requirements,
  supported: fc.boolean(),
  versions: members(version),
});

/** As `JSON.parse` would give it. */
const asParsed = (document: unknown): unknown => JSON.parse(JSON.stringify(document));

export const productsOfAnyTypes = struct(STRUCTS.file, { products: members(product) }).map(asParsed);

const entry = struct(Object.keys(indexEntryDefinition.shape), { products: fc.array(text, { maxLength: 2 }) });

/** Without null as a member and names in other letters, of which the parser and the schema think differently. */
export const indexesOfAnyTypes = struct(Object.keys(indexDefinition.shape), { index: members(entry) })
  .map(asParsed)
  .filter((document) => !JSON.stringify(document).includes("null") && !hasOtherCase(document));

/**
 * Where the schema is narrower than clients, who decode these too: a file without `products`, sizes below nothing or beyond
 * what JavaScript holds exactly, names of fields in other letters.
 */
export function isWithinTheSchema(document: unknown): boolean {
  if (!isObject(document) || !isObject(document["products"])) return false;
  return structsOf(document).every(([kind, value]) => {
    const fields: readonly string[] = STRUCTS[kind];
    const number = kind === "item" ? value["size"] : undefined;
    if (typeof number === "number" && !(number >= 0 && number < 2 ** 53)) return false;
    return Object.keys(value).every((key) => fields.includes(key) || !fields.includes(folded(key)));
  });
}

type Raw = Readonly<Record<string, unknown>>;

/** All objects with fields in a document, as far down as it has the right form. */
function structsOf(file: Raw): (readonly [keyof typeof STRUCTS, Raw])[] {
  const products = objectsIn(file["products"]);
  const versions = products.flatMap((product) => objectsIn(product["versions"]));
  const items = versions.flatMap((version) => objectsIn(version["items"]));
  return [
    ["file", file],
    ...products.map((value) => ["product", value] as const),
    ...versions.map((value) => ["version", value] as const),
    ...items.map((value) => ["item", value] as const),
  ];
}

function objectsIn(value: unknown): Raw[] {
  return isObject(value) ? Object.values(value).filter(isObject) : [];
}

function isObject(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As Go folds: the Kelvin sign is a k, which lower case knows, and the long s is an s. */
function folded(key: string): string {
  return key.toLowerCase().replaceAll("\u017f", "s");
}

function hasOtherCase(document: unknown): boolean {
  if (!isObject(document)) return false;
  const fields = new Set([...Object.keys(indexDefinition.shape), ...Object.keys(indexEntryDefinition.shape)]);
  return [document, ...objectsIn(document["index"])].some((value) =>
    Object.keys(value).some((key) => !fields.has(key) && fields.has(folded(key))),
  );
}

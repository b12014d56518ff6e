import type { IndexFile } from "./index-file.ts";
import type { Item, Product, ProductsFile, Version } from "./products.ts";

/** An object as `JSON.parse` made it. Names from outside are only ever iterated, never looked up. */
export type RawObject = Record<string, unknown>;

/** Whether a parsed value is an object, and not a list or null. */
export function isObject(value: unknown): value is RawObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Called for each object before its containers become Maps; throws or reports what it does not like, or says `false` to leave it out. */
export interface ContainerVisitor {
  file(raw: RawObject): void;
  product(raw: unknown, product: string): false | void;
  version(raw: unknown, product: string, version: string): false | void;
  item(raw: unknown, product: string, version: string, item: string): false | void;
}

/**
 * Turns what `JSON.parse` made into a `ProductsFile`, in place: the objects are ours alone, and copying some ten
 * thousand of them would double time and memory. Own keys called `__proto__` stay own keys.
 */
export function productsFromRaw(raw: RawObject, visitor: ContainerVisitor): ProductsFile {
  visitor.file(raw);
  const products = new Map<string, Product>();
  for (const [productName, rawProduct] of entriesOf(raw["products"])) {
    if (visitor.product(rawProduct, productName) === false) continue;
    const product = rawProduct as RawObject;
    const versions = new Map<string, Version>();
    for (const [versionName, rawVersion] of entriesOf(product["versions"])) {
      if (visitor.version(rawVersion, productName, versionName) === false) continue;
      const version = rawVersion as RawObject;
      const items = new Map<string, Item>();
      for (const [itemName, item] of entriesOf(version["items"])) {
        if (visitor.item(item, productName, versionName, itemName) === false) continue;
        items.set(itemName, item as Item);
      }
      version["items"] = items;
      versions.set(versionName, version as unknown as Version);
    }
    product["versions"] = versions;
    for (const field of ["requirements", "lxd_requirements"]) {
      if (isObject(product[field])) product[field] = withoutPrototype(product[field]);
    }
    products.set(productName, product as unknown as Product);
  }
  raw["products"] = products;
  return raw as unknown as ProductsFile;
}

/** The same for an index. `entry` throws or reports what it does not like, or says `false` to leave it out. */
export function indexFromRaw(raw: RawObject, entry: (raw: unknown, name: string) => false | void): IndexFile {
  const entries = entriesOf(raw["index"]).filter(([name, value]) => entry(value, name) !== false);
  raw["index"] = new Map(entries);
  return raw as unknown as IndexFile;
}

/** Members of a container that are objects themselves, with their names; a container that is not there has none. */
export function objectsIn(container: unknown): [string, RawObject][] {
  return entriesOf(container).filter((entry): entry is [string, RawObject] => isObject(entry[1]));
}

/** Own entries of a container; a container that is not there has none. */
function entriesOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}

/** Requirement names come from outside and are looked up by callers, so they get no inherited neighbours. */
function withoutPrototype(raw: RawObject): RawObject {
  return Object.assign(Object.create(null) as RawObject, raw);
}

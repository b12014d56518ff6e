import type { Edit } from "../../src/simplestreams/rules/rule.ts";
import {
  INDEX_PATH,
  PRODUCT,
  PRODUCTS_PATH,
  smallestTree,
  VERSION,
} from "../../src/simplestreams/rules/smallest-tree.ts";
import type { Json } from "../../src/simplestreams/index.ts";

/** One small tree that differs from the smallest one that works in one thing. */
export interface Deviation {
  /** What is different, in words; no two have the same. */
  readonly name: string;
  /** What clients make of it, as we understand their code: one sentence, for whoever reads a failure. */
  readonly about: string;
  readonly edits?: Edits;
  readonly documents?: Raw;
  /**
   * Clients go through Go maps, in random order. Where that shows, the trees it may look like to them: the answer is the
   * prediction for one of these, each made from the smallest tree as this one is.
   */
  readonly orders?: readonly Pick<Deviation, "edits" | "documents">[];
  /** Images that have no order among themselves: which there are is certain, and not in which order, nor who has an alias. */
  readonly undefinedOrder?: true;
}

export type Edits = readonly Edit[];

/** Documents by path that stand in place of what the edits leave, or beside it; undefined: not there. */
export type Raw = Readonly<Record<string, Text | undefined>>;

/** A document as it is sent. A string goes out as UTF-8. */
export type Text = string | Uint8Array;

/** Documents by path, as a server sends them. */
export type Documents = ReadonlyMap<string, Uint8Array>;

/** The smallest tree with one deviation, as documents. */
export function documentsOf({
  edits = [],
  documents = {},
}: Pick<Deviation, "edits" | "documents">): Documents {
  const { index, products } = edited(edits);
  const all = new Map<string, Text | undefined>([
    [INDEX_PATH, JSON.stringify(index)],
    [PRODUCTS_PATH, JSON.stringify(products)],
    ...Object.entries(documents),
  ]);
  const texts = [...all].filter((entry): entry is [string, Text] => entry[1] !== undefined);
  return new Map(texts.map(([path, text]) => [path, typeof text === "string" ? Buffer.from(text) : text]));
}

type JsonObject = { [key: string]: Json };

function edited(edits: readonly Edit[]): { index: Json; products: Json } {
  const tree: JsonObject = JSON.parse(JSON.stringify(smallestTree()));
  for (const { document, at, value } of edits) {
    if (document === "lxc") throw new Error("no client of the corpus reads an LXC index");
    edit(tree, [document, ...at], value);
  }
  return { index: tree["index"] ?? null, products: tree["products"] ?? null };
}

/** Own keys only, also `__proto__`. An object that is missing on the way is a mistake in the corpus. */
function edit(object: JsonObject, at: readonly string[], value: Json | undefined): void {
  const [key, ...rest] = at;
  if (key === undefined) throw new Error("an edit names what it changes");
  if (rest.length > 0) {
    const inner = Object.hasOwn(object, key) ? object[key] : undefined;
    if (typeof inner !== "object" || inner === null) throw new Error(`there is no ${at.join(" ")} to edit`);
    edit(inner as JsonObject, rest, value);
  } else if (value === undefined) {
    if (!Object.hasOwn(object, key)) throw new Error(`there is no ${key} to take away`);
    Reflect.deleteProperty(object, key);
  } else {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
}

function inIndex(at: readonly string[], value: Json | undefined): Edit {
  return value === undefined ? { document: "index", at } : { document: "index", at, value };
}

function inProducts(at: readonly string[], value: Json | undefined): Edit {
  return value === undefined ? { document: "products", at } : { document: "products", at, value };
}

/** Changes to the smallest tree; without a value the key is taken away. */
export const set = {
  index: (key: string, value?: Json) => inIndex([key], value),
  /** The one entry of the index. */
  entry: (key: string, value?: Json) => inIndex(["index", "images", key], value),
  otherEntry: (name: string, value: Json) => inIndex(["index", name], value),
  file: (key: string, value?: Json) => inProducts([key], value),
  product: (key: string, value?: Json) => inProducts(["products", PRODUCT, key], value),
  otherProduct: (name: string, value: Json) => inProducts(["products", name], value),
  version: (key: string, value?: Json) => inProducts(["products", PRODUCT, "versions", VERSION, key], value),
  otherVersion: (name: string, value: Json) => inProducts(["products", PRODUCT, "versions", name], value),
  item: (item: string, value?: Json) => inProducts([...ITEMS, item], value),
  root: (key: string, value?: Json) => inProducts([...ITEMS, "squashfs", key], value),
  /** Both metadata items. */
  metadata: (key: string, value?: Json): Edit[] =>
    ["incus.tar.xz", "lxd.tar.xz"].map((item) => inProducts([...ITEMS, item, key], value)),
} as const;

const ITEMS = ["products", PRODUCT, "versions", VERSION, "items"];

/** The one version under another name. */
export function versionNamed(name: string): Edit[] {
  return [set.product("versions", withKeys([[name, version()]]))];
}

/** The product of the smallest tree, with these fields instead of its own. */
export function product(fields: Readonly<Record<string, Json>> = {}): JsonObject {
  const { products } = JSON.parse(productsText()) as { products: Record<string, JsonObject> };
  return { ...products[PRODUCT], ...fields };
}

/** A build like the one of the smallest tree; `digit` fills its combined hash, so that it is another image. */
export function version(digit = "3"): JsonObject {
  const { versions } = JSON.parse(JSON.stringify(product())) as { versions: Record<string, JsonObject> };
  const text = JSON.stringify(versions[VERSION]).replaceAll("3".repeat(64), digit.repeat(64));
  return JSON.parse(text) as JsonObject;
}

/** An object with these own keys, also `__proto__`. */
export function withKeys(entries: readonly (readonly [string, Json])[]): JsonObject {
  return Object.fromEntries(entries);
}

/** The smallest tree's products file as text, for what JSON.stringify cannot write. */
export function productsText(edits: readonly Edit[] = []): string {
  return JSON.stringify(edited(edits).products);
}

/** The same of its index. */
export function indexText(edits: readonly Edit[] = []): string {
  return JSON.stringify(edited(edits).index);
}

/** A further item, of this ftype; `digit` fills its hash. */
export function root(ftype: string, digit: string): { [key: string]: string | number } {
  return { ftype, path: `images/demo/${ftype}`, size: 10, sha256: digit.repeat(64) };
}

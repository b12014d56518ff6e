import { HeadwaterError } from "../error.ts";
import {
  type ContainerVisitor,
  indexFromRaw,
  isObject,
  productsFromRaw,
  type RawObject,
} from "./containers.ts";
import { inheritAttributes } from "./inherit.ts";
import type { IndexEntry } from "./index-file.ts";
import { invalid, parseJson } from "./json-text.ts";
import { checkIndexEntry, strictVisitor } from "./parse.ts";
import { quoted } from "./printable.ts";
import type { ProductsFile } from "./products.ts";
import { isRelativePath } from "./relative-path.ts";

/** What was left out or changed in reading, as sentences. At most a hundred; the last then says how many more. */
export type Oddities = readonly string[];

/** A products file as it was read. */
export interface ReadProducts {
  readonly file: ProductsFile;
  readonly oddities: Oddities;
}

/** An index as it was read. */
export interface ReadIndex {
  /** Products files by their keys, in the order of the index; every `path` is there and safe. */
  readonly entries: ReadonlyMap<string, IndexEntry & { readonly path: string }>;
  readonly updated: string | undefined;
  readonly oddities: Oddities;
}

/**
 * Reads a products file of somebody else: what is odd hides only itself. Attributes are inherited downwards and `_aliases` looked up, which
 * Incus and LXD do not do. Wrong types that can mean one thing only are put right; whatever else clients would refuse the
 * whole file for is left out, with a sentence. Throws DOCUMENT_INVALID or DOCUMENT_TOO_LARGE for what is no products file at all.
 */
export function readUpstreamProducts(
  input: string | Uint8Array,
  { name }: { readonly name: string },
): ReadProducts {
  const raw = parseJson(input, name);
  if (!isObject(raw) || !isObject(raw["products"])) {
    throw invalid(name, `expected an object with products, got ${quoted(raw)}`);
  }
  const notes = new Notes();
  dropWrongTexts(raw, ["content_id", "datatype", "format", "license", "updated"]);
  inheritAttributes(raw);
  const file = productsFromRaw(raw, lenientVisitor(name, notes));
  return { file, oddities: notes.list };
}

/** Reads an index of somebody else. Entries that cannot be used are left out. */
export function readUpstreamIndex(
  input: string | Uint8Array,
  { name }: { readonly name: string },
): ReadIndex {
  const raw = parseJson(input, name);
  if (!isObject(raw) || !isObject(raw["index"])) {
    throw invalid(name, `expected an object with an index, got ${quoted(raw)}`);
  }
  const notes = new Notes();
  dropWrongTexts(raw, ["format", "updated"]);
  const index = indexFromRaw(raw, (entry, key) => {
    const place = `index[${quoted(key)}]`;
    return notes.unless(() => checkIndexEntry(entry, name, () => place)) && hasUsablePath(entry, place, notes)
      ? undefined
      : false;
  });
  const entries = index.index as ReadIndex["entries"];
  return { entries, updated: index.updated, oddities: notes.list };
}

function hasUsablePath(entry: unknown, place: string, notes: Notes): boolean {
  const { path, format } = entry as IndexEntry;
  if (path === undefined || !isRelativePath(path)) {
    notes.add(`${place}: left out, its path ${quoted(path)} leads nowhere below this upstream`);
    return false;
  }
  if (format !== undefined && format !== "products:1.0") {
    notes.add(`${place}: left out, its format ${quoted(format)} is not products:1.0`);
    return false;
  }
  return true;
}

function lenientVisitor(name: string, notes: Notes): ContainerVisitor {
  const strict = strictVisitor(name);
  return {
    file: () => undefined,
    product(raw, product) {
      if (isObject(raw)) mendProduct(raw);
      return notes.unless(() => strict.product(raw, product)) ? undefined : false;
    },
    version(raw, product, version) {
      return notes.unless(() => strict.version(raw, product, version)) ? undefined : false;
    },
    item(raw, product, version, item) {
      if (isObject(raw)) mendItem(raw);
      if (!notes.unless(() => strict.item(raw, product, version, item))) return false;
      const { path } = raw as { readonly path?: string };
      if (path === undefined || isRelativePath(path)) return undefined;
      notes.add(
        `${quoted(product)} ${quoted(version)} ${quoted(item)}: left out, its path ${quoted(path)} leads nowhere below this upstream`,
      );
      return false;
    },
  };
}

/** Types that other tools write and clients refuse the whole file for. */
function mendProduct(raw: RawObject): void {
  for (const field of ["requirements", "lxd_requirements"]) {
    const requirements = raw[field];
    if (!isObject(requirements)) continue;
    for (const [key, value] of Object.entries(requirements)) {
      if (typeof value === "boolean" || typeof value === "number") own(requirements, key, String(value));
    }
  }
  const { aliases } = raw;
  if (Array.isArray(aliases) && aliases.every((alias) => typeof alias === "string" && !alias.includes(","))) {
    raw["aliases"] = aliases.join(",");
  }
  if (typeof aliases === "string" && /\s/.test(aliases)) {
    // Clients do not trim: `a, b` would name ` b`.
    raw["aliases"] = aliases
      .split(",")
      .map((alias) => alias.trim())
      .filter((alias) => alias !== "")
      .join(",");
  }
  for (const field of ["version", "release"])
    if (typeof raw[field] === "number") raw[field] = String(raw[field]);
}

function mendItem(raw: RawObject): void {
  const { size, sha256 } = raw;
  if (typeof size === "string" && /^\d{1,15}$/.test(size)) raw["size"] = Number(size);
  // Listed in capitals a file can be seen and not downloaded: clients compare the text.
  if (typeof sha256 === "string" && /^[0-9A-Fa-f]{64}$/.test(sha256)) raw["sha256"] = sha256.toLowerCase();
}

function dropWrongTexts(raw: RawObject, fields: readonly string[]): void {
  for (const field of fields) if (typeof raw[field] !== "string") delete raw[field];
}

/** Sets an own property, also one called `__proto__`. */
function own(object: RawObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

const MAX_NOTES = 100;

/** Sentences for a person, bounded, whatever a document holds. */
class Notes {
  readonly #list: string[] = [];
  #more = 0;

  get list(): readonly string[] {
    return this.#more === 0 ? this.#list : [...this.#list, `and ${this.#more} more`];
  }

  add(sentence: string): void {
    if (this.#list.length < MAX_NOTES) this.#list.push(sentence);
    else this.#more += 1;
  }

  /** Whether the check passes; what it throws is noted. */
  unless(check: () => unknown): boolean {
    try {
      check();
      return true;
    } catch (error) {
      if (!(error instanceof HeadwaterError)) throw error;
      this.add(`left out: ${error.message}`);
      return false;
    }
  }
}

import type * as z from "zod";
import { indexFromRaw, isObject, productsFromRaw, type ContainerVisitor } from "./containers.ts";
import {
  indexDefinition,
  indexEntryDefinition,
  itemDefinition,
  productDefinition,
  productsDefinition,
  versionDefinition,
} from "./definitions.ts";
import type { IndexFile } from "./index-file.ts";
import { invalid, parseJson } from "./json-text.ts";
import { quoted } from "./printable.ts";
import type { ProductsFile } from "./products.ts";

/** How a document is called. */
export interface ParseOptions {
  /** What messages call the document: its URL or file name. */
  readonly name?: string;
}

/*
 * The containers of foreign names are walked by hand and their contents checked one by one: zod's `record` leaves out
 * a key called `__proto__`, and this way nothing is copied.
 */
const fileHead = checker(productsDefinition.omit({ products: true }));
const productHead = checker(productDefinition.omit({ versions: true }));
const versionHead = checker(versionDefinition.omit({ items: true }));
const item = checker(itemDefinition);
const indexHead = checker(indexDefinition.omit({ index: true }));
/** Throws DOCUMENT_INVALID for an entry of an index that a client would refuse the whole index for. */
export const checkIndexEntry = checker(indexEntryDefinition);

/**
 * Reads a products file from outside. Unknown keys are kept; a known key that is null counts as not there, as it does for
 * the clients. Throws DOCUMENT_INVALID (or DOCUMENT_TOO_LARGE) with the place and the value.
 */
export function parseProducts(input: string | Uint8Array, options: ParseOptions = {}): ProductsFile {
  const name = options.name ?? "the products file";
  const raw = parseJson(input, name);
  if (!isObject(raw)) throw invalid(name, `expected an object, got ${quoted(raw)}`);
  if (!isObject(raw["products"])) {
    throw invalid(name, `products: expected an object, got ${quoted(raw["products"])}`);
  }
  return productsFromRaw(raw, strictVisitor(name));
}

/**
 * Reads an index from outside. Unknown keys are kept, null counts as not there. Throws DOCUMENT_INVALID (or DOCUMENT_TOO_LARGE) with
 * the place and the value.
 */
export function parseIndex(input: string | Uint8Array, options: ParseOptions = {}): IndexFile {
  const name = options.name ?? "the index";
  const raw = parseJson(input, name);
  if (!isObject(raw)) throw invalid(name, `expected an object, got ${quoted(raw)}`);
  if (!isObject(raw["index"])) throw invalid(name, `index: expected an object, got ${quoted(raw["index"])}`);
  indexHead(raw, name, () => "");
  return indexFromRaw(raw, (entry, key) => checkIndexEntry(entry, name, () => at("index", key)));
}

/** Throws DOCUMENT_INVALID at the first thing that a client would refuse the whole file for. */
export function strictVisitor(name: string): ContainerVisitor {
  return {
    file(raw) {
      fileHead(raw, name, () => "");
    },
    product(raw, product) {
      const place = () => at("products", product);
      productHead(raw, name, place);
      checkContainer(raw, "versions", name, place);
      checkRequirements(raw, name, place);
    },
    version(raw, product, version) {
      const place = () => at("products", product, "versions", version);
      versionHead(raw, name, place);
      checkContainer(raw, "items", name, place);
    },
    item(raw, product, version, key) {
      item(raw, name, () => at("products", product, "versions", version, "items", key));
    },
  };
}

type Check = (raw: unknown, name: string, place: () => string) => void;

/** The place is a function: it is put into words for the one object in ten thousand that is wrong. */
function checker(definition: z.ZodObject): Check {
  const known = Object.keys(definition.shape);
  return (raw, name, place) => {
    if (isObject(raw)) {
      for (const key of known) {
        if (raw[key] === null) delete raw[key];
      }
    }
    const result = definition.safeParse(raw);
    if (result.success) return;
    const issue = result.error.issues[0];
    const path = issue?.path ?? [];
    const found = path.reduce<unknown>((value, key) => own(value, key), raw);
    throw invalid(name, `${join(place(), path)}: expected ${expectation(issue)}, got ${quoted(found)}`);
  };
}

function checkContainer(raw: unknown, field: string, name: string, place: () => string): void {
  const value = own(raw, field);
  if (value === undefined || value === null || isObject(value)) return;
  throw invalid(name, `${join(place(), [field])}: expected an object, got ${quoted(value)}`);
}

/** Only for the key that zod leaves out; everything else has been checked. */
function checkRequirements(raw: unknown, name: string, place: () => string): void {
  for (const field of ["requirements", "lxd_requirements"]) {
    const value = own(own(raw, field), "__proto__");
    if (value === undefined || typeof value === "string") continue;
    throw invalid(name, `${join(place(), [field, "__proto__"])}: expected a string, got ${quoted(value)}`);
  }
}

function own(value: unknown, key: PropertyKey): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<PropertyKey, unknown>)[key];
}

function expectation(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === "too_small") return "0 or more";
  if (issue?.code !== "invalid_type") return "a whole number of bytes";
  const words: Record<string, string> = {
    string: "a string",
    number: "a whole number",
    int: "a whole number",
    boolean: "true or false",
    array: "an array of strings",
    object: "an object",
    record: "an object",
  };
  return words[issue.expected] ?? issue.expected;
}

/** `products["debian:12"].versions["20260101_0000"]`, from a field name and a foreign name in turn. */
function at(...steps: readonly string[]): string {
  return steps
    .map((step, index) => (index % 2 === 1 ? `[${quoted(step)}]` : `${index === 0 ? "" : "."}${step}`))
    .join("");
}

function join(place: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "string" && /^[a-z]\w*$/i.test(key)) return text === "" ? key : `${text}.${key}`;
    return `${text}[${quoted(typeof key === "symbol" ? "symbol" : key)}]`;
  }, place);
}

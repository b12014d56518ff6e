import * as z from "zod";
import { isObject, type RawObject } from "./containers.ts";
import {
  indexDefinition,
  indexEntryDefinition,
  itemDefinition,
  productDefinition,
  productsDefinition,
  versionDefinition,
} from "./definitions.ts";
import { finding, type Finding, type Place } from "./finding.ts";
import { quoted } from "./printable.ts";
import { assignAgain } from "./repeated-keys.ts";

type Kind = "string" | "boolean" | "integer" | "list" | "strings" | "objects";
type Fields = ReadonlyMap<string, Kind>;

/** The fields of the clients' structs, from the definitions. */
function fieldsOf(definition: z.ZodObject): Fields {
  return new Map(Object.entries(definition.shape).map(([name, type]) => [name, kindOf(type)]));
}

function kindOf(type: unknown): Kind {
  const inner: unknown = type instanceof z.ZodOptional ? type.unwrap() : type;
  if (inner instanceof z.ZodNumber) return "integer";
  if (inner instanceof z.ZodBoolean) return "boolean";
  if (inner instanceof z.ZodArray) return "list";
  if (!(inner instanceof z.ZodRecord)) return "string";
  return inner.valueType instanceof z.ZodString ? "strings" : "objects";
}

const FIELDS = {
  file: fieldsOf(productsDefinition),
  product: fieldsOf(productDefinition),
  version: fieldsOf(versionDefinition),
  item: fieldsOf(itemDefinition),
  index: fieldsOf(indexDefinition),
  entry: fieldsOf(indexEntryDefinition),
} as const;

/** Findings for each field that is wrong somewhere. */
const MAX_FINDINGS = 100;

/** Turns parsed JSON into what Go's decoder makes of it: the known fields, with what is wrong reported and left out. */
export class Decoder {
  readonly mistakes: Finding[] = [];
  readonly #counts = new Map<string, number>();

  /** An index: its entries as structs, under their own names. */
  index(raw: unknown): RawObject {
    const index = this.#struct(raw, FIELDS.index, {});
    index["index"] = mapObject(index["index"], (entry, key) =>
      this.#struct(entry, FIELDS.entry, {}, `index[${quoted(key)}]`),
    );
    return index;
  }

  /** One object with the names the struct has; a wrong type is reported and left out. */
  #struct(raw: unknown, fields: Fields, place: Place, prefix = ""): RawObject {
    const struct: RawObject = {};
    if (raw === null) return struct;
    if (!isObject(raw)) {
      this.#wrong(prefix, "an object", raw, place);
      return struct;
    }
    for (const [key, value] of Object.entries(raw)) {
      const name = fields.has(key) ? key : foldedName(key, fields);
      if (name === undefined) continue;
      const kind = fields.get(name) ?? "string";
      const field = prefix === "" ? name : `${prefix}.${name}`;
      if (value !== null && !this.#fits(value, kind, field, place)) continue;
      assignAgain(struct, name, value === null ? null : (FILLED[kind]?.(value) ?? value));
    }
    return struct;
  }

  /** A products file: products, versions and items as structs, under their own names. */
  products(raw: unknown): RawObject {
    const file = this.#struct(raw, FIELDS.file, {});
    file["products"] = mapObject(file["products"], (rawProduct, product) => {
      const decoded = this.#struct(rawProduct, FIELDS.product, { product });
      decoded["versions"] = mapObject(decoded["versions"], (rawVersion, version) => {
        const inVersion = this.#struct(rawVersion, FIELDS.version, { product, version });
        inVersion["items"] = mapObject(inVersion["items"], (rawItem, item) =>
          this.#struct(rawItem, FIELDS.item, { product, version, item }),
        );
        return inVersion;
      });
      return decoded;
    });
    return file;
  }

  #fits(value: unknown, kind: Kind, name: string, place: Place): boolean {
    if (kind === "string") return typeof value === "string" || this.#wrong(name, "a string", value, place);
    if (kind === "boolean")
      return typeof value === "boolean" || this.#wrong(name, "true or false", value, place);
    if (kind === "integer") return isInt64(value) || this.#wrong(name, "a whole number", value, place);
    if (kind === "list") return this.#fitsList(value, name, place);
    if (!isObject(value)) return this.#wrong(name, "an object", value, place);
    if (kind === "objects") return true;
    const bad = Object.entries(value).filter(([, member]) => member !== null && typeof member !== "string");
    for (const [key, member] of bad) this.#wrong(`${name}[${quoted(key)}]`, "a string", member, place);
    return bad.length === 0;
  }

  #fitsList(value: unknown, name: string, place: Place): boolean {
    if (!Array.isArray(value)) return this.#wrong(name, "a list of strings", value, place);
    const bad = value.find((member) => member !== null && typeof member !== "string") as unknown;
    return bad === undefined || this.#wrong(name, "a list of strings", bad, place);
  }

  #wrong(field: string, expected: string, value: unknown, place: Place): false {
    const base = field.replace(/\[.*$/s, "");
    const count = this.#counts.get(base) ?? 0;
    this.#counts.set(base, count + 1);
    if (count < MAX_FINDINGS) {
      const what = field === "" ? "" : `${field}: `;
      const reason = `${what}expected ${expected}, got ${quoted(value)}; the client refuses the whole file`;
      this.mistakes.push(finding("json-type", { ...place, field, value }, reason));
    }
    return false;
  }
}

/** The first struct field that is equal but for case, as Go compares: simple folding, where `ſ` is an s and `K` a k. */
function foldedName(key: string, fields: Fields): string | undefined {
  let names = foldedNames.get(fields);
  if (names === undefined) {
    names = new Map([...fields.keys()].toReversed().map((name) => [fold(name), name]));
    foldedNames.set(fields, names);
  }
  return names.get(fold(key));
}

/** Worked out once: a document may have millions of keys that no field is called. */
const foldedNames = new WeakMap<Fields, ReadonlyMap<string, string>>();

function fold(name: string): string {
  return name.toLowerCase().replaceAll("ſ", "s");
}

function isInt64(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 2 ** 63;
}

/** Members of a `map[string]string` and of a `[]string` that are null are the empty string there. */
const FILLED: Partial<Record<Kind, (value: unknown) => unknown>> = {
  strings: (value) => mapObject(value, (member) => member ?? ""),
  list: (value) => (Array.isArray(value) ? value.map((member: unknown) => member ?? "") : []),
};

/** Same keys, other values; own keys stay own keys, also `__proto__`. */
function mapObject(value: unknown, change: (member: unknown, key: string) => unknown): RawObject {
  const entries = isObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(entries.map(([key, member]) => [key, change(member, key)]));
}

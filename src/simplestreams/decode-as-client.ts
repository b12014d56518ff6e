import * as z from "zod";
import { parseAsClient } from "./client-text.ts";
import { isObject, productsFromRaw, type RawObject } from "./containers.ts";
import { itemDefinition, productDefinition, productsDefinition, versionDefinition } from "./definitions.ts";
import { finding, type Finding, type Place } from "./finding.ts";
import { type ImagesOfOptions, imagesOf } from "./images-of.ts";
import type { ListedImage } from "./listed-image.ts";
import { HeadwaterError } from "../error.ts";
import { quoted } from "./printable.ts";
import { assignAgain } from "./repeated-keys.ts";
import type { ClientProfile } from "./client-profile.ts";
import type { ProductsFile } from "./products.ts";

/** What a client makes of a document. */
export interface ClientDecoding {
  /** What the client has after decoding; undefined when the file is dead for it, and with it the whole remote. */
  readonly products: ProductsFile | undefined;
  /** Why, each wrong place (at most 100 of them). */
  readonly fatal: readonly Finding[];
}

const MAX_FINDINGS = 100;

/**
 * Reads a products file as the client's Go decoder does: keys match without regard to case, null means not there, unknown
 * keys are ignored whatever they hold, and one wrong type in a known one fails the file. Throws nothing for bad input but
 * DOCUMENT_TOO_LARGE.
 */
export function decodeAsClient(input: string | Uint8Array, client: ClientProfile): ClientDecoding {
  let raw: unknown;
  try {
    raw = parseAsClient(input, "the products file");
  } catch (error) {
    if (!(error instanceof HeadwaterError) || error.code !== "DOCUMENT_INVALID") throw error;
    return { products: undefined, fatal: [finding("json-text", {}, error.message)] };
  }
  const decoder = new Decoder(client);
  const file = decoder.struct(raw, decoder.fields.file, {});
  const products = productsFromRaw(decoder.containers(file), {
    file() {},
    product() {},
    version() {},
    item() {},
  });
  return decoder.fatal.length > 0 ? { products: undefined, fatal: decoder.fatal } : { products, fatal: [] };
}

/** What a client lists for a document, or why it lists nothing. */
export interface ListedText {
  readonly images: readonly ListedImage[];
  readonly fatal: readonly Finding[];
}

/** `imagesOf` for a document as it is served: no images, and the reason, when the client refuses the file. */
export function imagesOfText(
  input: string | Uint8Array,
  client: ClientProfile,
  options: ImagesOfOptions = {},
): ListedText {
  const { products, fatal } = decodeAsClient(input, client);
  return { images: products === undefined ? [] : imagesOf(products, client, options), fatal };
}

type Kind = "string" | "boolean" | "integer" | "strings" | "objects";
type Fields = ReadonlyMap<string, Kind>;

/** The fields of the client's structs, from the definitions, less those that this client does not have. */
function fieldsOf(definition: z.ZodObject, absent: readonly string[] = []): Fields {
  const fields = new Map<string, Kind>();
  for (const [name, type] of Object.entries(definition.shape)) {
    if (!absent.includes(name)) fields.set(name, kindOf(type));
  }
  return fields;
}

function kindOf(type: unknown): Kind {
  const inner: unknown = type instanceof z.ZodOptional ? type.unwrap() : type;
  if (inner instanceof z.ZodNumber) return "integer";
  if (inner instanceof z.ZodBoolean) return "boolean";
  if (!(inner instanceof z.ZodRecord)) return "string";
  return inner.valueType instanceof z.ZodString ? "strings" : "objects";
}

class Decoder {
  readonly fatal: Finding[] = [];
  readonly fields: {
    readonly file: Fields;
    readonly product: Fields;
    readonly version: Fields;
    readonly item: Fields;
  };

  constructor(client: ClientProfile) {
    const absent: string[] = [];
    if (client.requirements === "requirements") absent.push("lxd_requirements");
    if (client.requirements === "lxd_requirements") absent.push("requirements");
    if (!client.combinedType) absent.push("combined_type");
    this.fields = {
      file: fieldsOf(productsDefinition),
      product: fieldsOf(productDefinition, absent),
      version: fieldsOf(versionDefinition),
      item: fieldsOf(itemDefinition, absent),
    };
  }

  /** One object with the names the struct has; a wrong type is reported and left out. */
  struct(raw: unknown, fields: Fields, place: Place): RawObject {
    const struct: RawObject = {};
    if (raw === null) return struct;
    if (!isObject(raw)) {
      this.#wrong("", "an object", raw, place);
      return struct;
    }
    for (const [key, value] of Object.entries(raw)) {
      const name = fields.has(key) ? key : foldedName(key, fields);
      if (name === undefined) continue;
      const kind = fields.get(name) ?? "string";
      if (value !== null && !this.#fits(value, kind, name, place)) continue;
      assignAgain(struct, name, kind === "strings" && value !== null ? strings(value) : value);
    }
    return struct;
  }

  /** Everything below the top: products, versions and items as structs, under their own names. */
  containers(file: RawObject): RawObject {
    file["products"] = mapObject(file["products"], (rawProduct, product) => {
      const decoded = this.struct(rawProduct, this.fields.product, { product });
      decoded["versions"] = mapObject(decoded["versions"], (rawVersion, version) => {
        const inVersion = this.struct(rawVersion, this.fields.version, { product, version });
        inVersion["items"] = mapObject(inVersion["items"], (rawItem, item) =>
          this.struct(rawItem, this.fields.item, { product, version, item }),
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
    if (!isObject(value)) return this.#wrong(name, "an object", value, place);
    if (kind === "objects") return true;
    const bad = Object.entries(value).filter(([, member]) => member !== null && typeof member !== "string");
    for (const [key, member] of bad) this.#wrong(`${name}[${quoted(key)}]`, "a string", member, place);
    return bad.length === 0;
  }

  #wrong(name: string, expected: string, value: unknown, place: Place): false {
    if (this.fatal.length < MAX_FINDINGS) {
      const what = name === "" ? "" : `${name}: `;
      const reason = `${what}expected ${expected}, got ${quoted(value)}; the client refuses the whole file`;
      this.fatal.push(finding("json-type", place, reason));
    }
    return false;
  }
}

/** The first struct field that is equal but for case, as Go compares: simple folding, where `ſ` is an s and `K` a k. */
function foldedName(key: string, fields: Fields): string | undefined {
  const folded = fold(key);
  for (const name of fields.keys()) if (fold(name) === folded) return name;
  return undefined;
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll("ſ", "s");
}

function isInt64(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 2 ** 63;
}

/** A `map[string]string`: null is the empty string there. */
function strings(value: unknown): RawObject {
  return isObject(value) ? mapObject(value, (member) => member ?? "") : {};
}

/** Same keys, other values; own keys stay own keys, also `__proto__`. */
function mapObject(value: unknown, change: (member: unknown, key: string) => unknown): RawObject {
  const entries = isObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(entries.map(([key, member]) => [key, change(member, key)]));
}

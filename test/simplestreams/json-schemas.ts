import * as z from "zod";
import { indexDefinition, productsDefinition } from "../../src/simplestreams/definitions.ts";

/** A part of a JSON Schema. */
export type Schema = z.core.JSONSchema.BaseSchema;

/** What is checked: what the format asks for whoever reads it, or what makes Incus or LXD refuse a document whole. */
type Reader = "anyone" | "incus-lxd";

interface Document {
  readonly file: string;
  readonly definition: z.ZodObject;
  readonly reader: Reader;
  readonly title: string;
}

const documents: readonly Document[] = [
  { file: "index", definition: indexDefinition, reader: "anyone", title: "simplestreams index" },
  {
    file: "index-incus-lxd",
    definition: indexDefinition,
    reader: "incus-lxd",
    title: "simplestreams index for Incus and LXD",
  },
  {
    file: "products",
    definition: productsDefinition,
    reader: "anyone",
    title: "simplestreams products file",
  },
  {
    file: "products-incus-lxd",
    definition: productsDefinition,
    reader: "incus-lxd",
    title: "simplestreams products file for Incus and LXD",
  },
];

/** What a valid document is, for the top of each schema. */
const meanings: Readonly<Record<Reader, string>> = {
  anyone:
    "Valid is what has the form that sstream tools read: the format and the containers. All other fields are open, since readers of this " +
    "format differ.",
  "incus-lxd":
    "Valid is what no version of Incus or LXD refuses whole: known fields have the type the clients decode, or null, which counts as not " +
    "there. Whether each image is listed is another question. Unknown fields are ignored.",
};

/** The schemas by file name, made from the definitions that validation uses. `version` stands in their folder and identifiers. */
export function jsonSchemas(version: string): ReadonlyMap<string, Schema> {
  return new Map(
    documents.map(({ file, definition, reader, title }) => {
      const { description = "", ...rest } = generated(definition, reader);
      const schema: Schema = {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        $id: `urn:headwater:simplestreams:${file}:${version}`,
        title,
        description: `${description} ${meanings[reader]}`,
        ...rest,
      };
      return [`${file}.schema.json`, reader === "anyone" ? withFormat(schema) : schema];
    }),
  );
}

function generated(definition: z.ZodObject, reader: Reader): Schema {
  const change = reader === "anyone" ? opened : nullable;
  return z.toJSONSchema(definition, {
    override({ zodSchema, jsonSchema, path }) {
      const { type } = zodSchema._zod.def;
      // Names of members are texts in any JSON.
      if (type === "record") delete jsonSchema.propertyNames;
      // An optional field is seen twice: as what it holds, and then with its description.
      if (type !== "optional" && path.length > 0) change(jsonSchema, type, path);
      if (reader === "incus-lxd" && type === "object") refuseOtherCase(jsonSchema);
    },
  });
}

/** Go's decoder takes null for every field and member as not there; only the outermost containers have to be. */
function nullable(schema: Schema, type: string, path: readonly PropertyKey[]): void {
  const isOutermost =
    path.length === 2 && ["products", "index"].includes(String(path[1])) && type === "record";
  if (isOutermost || typeof schema.type !== "string") return;
  schema.type = [schema.type, "null"] as unknown as "string";
}

/**
 * Go's decoder also takes `Size` for `size`, with a long s or a Kelvin sign too. A schema would have to say everything about a field once
 * more under such a name, so it refuses the name: what is valid is then safe, and nobody means it.
 */
function refuseOtherCase(schema: Schema): void {
  const fields = Object.keys(schema.properties ?? {});
  const inAnyCase = fields.map((field) => field.replace(/[a-z]/g, (letter) => `[${caseOf(letter)}]`));
  schema.propertyNames = {
    not: { type: "string", pattern: `^(?!(${fields.join("|")})$)(${inAnyCase.join("|")})$` },
  };
}

function caseOf(letter: string): string {
  const more: Readonly<Record<string, string>> = { s: "\u017f", k: "\u212a" };
  return `${letter}${letter.toUpperCase()}${more[letter] ?? ""}`;
}

/** Containers keep their type. Fields are open but for what sstream tools do with them. */
function opened(schema: Schema, type: string, path: readonly PropertyKey[]): void {
  const field = String(path.at(-1));
  const isContainer = type === "object" || (type === "record" && !field.endsWith("requirements"));
  const isProductNames = type === "array" || (field === "items" && path.at(-2) === "products");
  if (isContainer || isProductNames || type === "unknown") return;
  for (const key of ["type", "minimum", "maximum", "additionalProperties"]) delete schema[key];
  // simplestreams/util.py assert_safe_path, for the index and for items.
  if (field === "path")
    Object.assign(schema, { type: "string", pattern: "^(?!/)(?!\\.{2,3}/)(?!.*/\\.{2,3}/)" });
  // simplestreams/mirrors/__init__.py DryRunMirrorWriter: int(size). Texts are common in trees made by these tools.
  if (field === "size") {
    schema.anyOf = [
      { type: "integer", minimum: 0 },
      { type: "string", pattern: "^[0-9]+$" },
    ];
  }
}

/** simplestreams/mirrors/__init__.py: sync raises for any other format; sync_products looks up `content_id`. */
function withFormat(schema: Schema): Schema {
  const { index, format, content_id: contentId, ...fields } = schema.properties ?? {};
  if (index !== undefined) {
    return {
      ...schema,
      properties: { format: { ...object(format), const: "index:1.0" }, ...fields, index },
      required: ["format", "index"],
    };
  }
  return {
    ...schema,
    properties: {
      content_id: { ...object(contentId), type: "string" },
      format: { ...object(format), const: "products:1.0" },
      ...fields,
    },
    required: ["content_id", "format", "products"],
  };
}

function object(schema: z.core.JSONSchema._JSONSchema | undefined): Schema {
  return typeof schema === "object" ? schema : {};
}

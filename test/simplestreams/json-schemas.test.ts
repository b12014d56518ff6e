import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { listBuild } from "../../src/intake/list-build.ts";
import { Listing } from "../../src/intake/listing.ts";
import { clientProfiles, decodeAsClient, parseIndex } from "../../src/simplestreams/index.ts";
import { smallestTree } from "../../src/simplestreams/rules/smallest-tree.ts";
import { renderDocuments } from "../../src/views/documents.ts";
import { emptyOwnStream } from "../../src/views/image-stream.ts";
import { someBuild } from "../intake/some-build.ts";
import { indexesOfAnyTypes, isWithinTheSchema, productsOfAnyTypes, STRUCTS } from "./any-types.ts";
import { jsonSchemas } from "./json-schemas.ts";

const VERSION = "v1";
const folder = new URL(`../../schemas/${VERSION}/`, import.meta.url);
const schemas = jsonSchemas(VERSION);

/** Compiled strictly: a keyword that says nothing is an error. The files are the same, as the first test says. */
function compiled(name: string): ValidateFunction {
  return new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
    schemas.get(`${name}.schema.json`) ?? {},
  );
}

const index = compiled("index");
const indexForClients = compiled("index-incus-lxd");
const products = compiled("products");
const productsForClients = compiled("products-incus-lxd");

function fixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../fixtures/simplestreams/${name}.json`, import.meta.url), "utf8"));
}

function expectValid(validate: ValidateFunction, document: unknown): void {
  expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
}

describe("the JSON Schemas that are shipped", () => {
  it.each([...schemas])(
    "%s is what the definitions say (npm run docs makes it anew)",
    async (file, schema) => {
      const text = `${JSON.stringify(schema, null, 2)}\n`;
      await expect(text).toMatchFileSnapshot(new URL(file, folder).pathname);
    },
  );

  test("are all there is", () => {
    const files = readdirSync(folder);
    expect(new Set(files)).toEqual(new Set(schemas.keys()));
  });

  test("say of every field what it is", () => {
    const bare: string[] = [];
    const look = (schema: unknown, place: string) => {
      if (typeof schema !== "object" || schema === null) return;
      const { properties, additionalProperties } = schema as Record<string, unknown>;
      for (const [field, of] of Object.entries(properties ?? {})) {
        if (typeof (of as { description?: unknown }).description !== "string") bare.push(`${place}.${field}`);
        look(of, `${place}.${field}`);
      }
      look(additionalProperties, `${place}.*`);
    };
    for (const [file, schema] of schemas) look(schema, file);
    expect(bare).toEqual([]);
  });
});

describe("what is published is valid", () => {
  test.each(["linuxcontainers-images", "lxd-images", "ubuntu-releases"])(
    "%s, in the shape of a public server",
    (name) => {
      expectValid(products, fixture(name));
      expectValid(productsForClients, fixture(name));
    },
  );

  test("the index of a public server", () => {
    expectValid(index, fixture("linuxcontainers-index"));
    expectValid(indexForClients, fixture("linuxcontainers-index"));
  });

  test("the smallest tree", () => {
    const tree = smallestTree();
    for (const validate of [index, indexForClients]) expectValid(validate, tree.index);
    for (const validate of [products, productsForClients]) expectValid(validate, tree.products);
  });

  test("what Headwater renders", () => {
    const listing = new Listing(emptyOwnStream().products);
    listBuild(listing, someBuild("a"), { now: new Date(0), from: "person" });
    const { documents } = renderDocuments([{ ...emptyOwnStream(), products: listing.file }], new Date(0));
    expect(documents.map(({ path }) => path)).toContain("streams/v1/index.json");
    for (const { path, text } of documents) {
      const document: unknown = JSON.parse(text);
      const both = path.endsWith("index.json") ? [index, indexForClients] : [products, productsForClients];
      for (const validate of both) expectValid(validate, document);
    }
  });
});

describe("the schema of a products file for Incus and LXD", () => {
  /** Whether every client profile decodes the document. */
  const everyClientReads = (document: unknown) =>
    clientProfiles.every((client) => decodeAsClient(JSON.stringify(document), client).fatal.length === 0);

  test("accepts exactly what every client decodes, within what JSON can show a schema", () => {
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(productsOfAnyTypes, (document) => {
        const isValid = productsForClients(document);
        expect(isValid).toBe(isWithinTheSchema(document) && everyClientReads(document));
        if (isValid) accepted += 1;
        else refused += 1;
      }),
      { numRuns: 1000 },
    );
    expect(Math.min(accepted, refused)).toBeGreaterThan(100);
  });

  /** A document that is right but for one value, in one of the four kinds of object. */
  const withField = (at: keyof typeof STRUCTS, field: string, value: unknown) => {
    const item = at === "item" ? { [field]: value } : {};
    const version = { items: { i: item }, ...(at === "version" ? { [field]: value } : {}) };
    const product = { versions: { "20260101": version }, ...(at === "product" ? { [field]: value } : {}) };
    return { products: { p: product }, ...(at === "file" ? { [field]: value } : {}) };
  };
  const values = [null, true, 12, "12", [], ["a"], {}, { a: "b" }, { a: 1 }, { a: null }, { a: {} }];
  const fields = Object.entries(STRUCTS).flatMap(([at, names]) =>
    names.map((name) => [at as keyof typeof STRUCTS, name] as const),
  );

  test.each(fields)("takes for %s.%s the types that every client takes, and null", (at, field) => {
    const taken = values.filter((value) => productsForClients(withField(at, field, value)));
    expect(taken).toEqual(
      values.filter((value) => {
        const document = withField(at, field, value);
        return isWithinTheSchema(document) && everyClientReads(document);
      }),
    );
    expect(taken.length).toBeGreaterThan(0);
    expect(taken.length).toBeLessThan(values.length);
  });

  test.each([
    ["a size below nothing", withField("item", "size", -1)],
    ["a size that JavaScript cannot hold", withField("item", "size", 2 ** 53)],
    ["a known name in other letters", withField("item", "Size", 1)],
    ["a known name with a long s", withField("item", "\u017fize", 1)],
    ["a known name with a Kelvin sign", withField("item", "combined_dis\u212a1-img_sha256", "")],
  ])("refuses %s, which clients would read", (_what, document) => {
    expect(everyClientReads(document)).toBe(true);
    expect(productsForClients(document)).toBe(false);
  });

  test("cannot see that a number was written with a point, which every client refuses", () => {
    const text = JSON.stringify(withField("item", "size", 2)).replace(`"size":2`, `"size":2.0`);
    expect(productsForClients(JSON.parse(text))).toBe(true);
    for (const client of clientProfiles) expect(decodeAsClient(text, client).fatal).toHaveLength(1);
  });

  test("says nothing about whether an image is listed", () => {
    expectValid(productsForClients, { products: { p: { arch: "none", versions: { v1: { items: {} } } } } });
  });
});

test("the schema of an index for Incus and LXD accepts exactly what the parser accepts, and null as a member", () => {
  let accepted = 0;
  fc.assert(
    fc.property(indexesOfAnyTypes, (document) => {
      const isValid = indexForClients(document);
      const parses = () => {
        try {
          parseIndex(JSON.stringify(document));
          return true;
        } catch {
          return false;
        }
      };
      expect(isValid).toBe(parses());
      if (isValid) accepted += 1;
    }),
    { numRuns: 500 },
  );
  expect(accepted).toBeGreaterThan(50);
  expectValid(indexForClients, { index: { a: null, b: { products: [null] } } });
});

describe("the schemas for anyone", () => {
  const file = { format: "products:1.0", content_id: "c", products: {} };
  const item = (fields: object) => ({
    ...file,
    products: { p: { versions: { v: { items: { i: fields } } } } },
  });

  test.each([
    ["a condensed tree", { ...file, ftype: "squashfs", arch: "amd64", products: { p: { size: "5" } } }],
    ["sizes as texts", item({ path: "a/b", size: "123", md5: "x" })],
    ["aliases for fields", { ...file, _aliases: { crsn: { trusty: { version: "14.04" } } } }],
    [
      "fields that Incus and LXD would refuse",
      { ...file, products: { p: { version: 12, supported: "yes" } } },
    ],
  ])("take %s", (_what, document) => {
    expectValid(products, document);
  });

  test.each([
    ["another format", { ...file, format: "products:2.0" }],
    ["no format", { content_id: "c", products: {} }],
    ["no content_id", { format: "products:1.0", products: {} }],
    ["no products", { format: "products:1.0", content_id: "c" }],
    ["products in a list", { ...file, products: [] }],
    ["versions in a list", { ...file, products: { p: { versions: [] } } }],
    ["no items, said with null", { ...file, products: { p: { versions: { v: { items: null } } } } }],
    ["a size that is no number", item({ size: "1 MB" })],
    ["a path from the root of a disk", item({ path: "/etc/passwd" })],
    ["a path that leads out", item({ path: "a/../../b" })],
  ])("refuse %s", (_what, document) => {
    expect(products(document)).toBe(false);
  });

  test("take an index that leads to another index, and refuse one without its format", () => {
    const other = { format: "index:1.0", path: "streams/v1/other.json" };
    expectValid(index, { format: "index:1.0", index: { other } });
    expect(index({ index: { other } })).toBe(false);
    expect(index({ format: "index:1.0", index: [other] })).toBe(false);
  });
});

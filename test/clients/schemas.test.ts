import { readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import {
  INDEX_PATH,
  PRODUCT,
  PRODUCTS_PATH,
  smallestTree,
  VERSION,
} from "../../src/simplestreams/rules/smallest-tree.ts";
import { type StaticTree, serveTree } from "./static-tree.ts";
import { daemons, FAMILIES, User } from "./user.ts";

type Document = "index" | "products";
type Change = readonly [document: Document, at: readonly string[], value: unknown];

const version = ["products", PRODUCT, "versions", VERSION];
const item = [...version, "items", "squashfs"];
const entry = ["index", "images"];

const VALID: readonly Change[] = [
  ["index", ["format"], null],
  ["index", ["unknown"], [1]],
  ["index", ["index", "other"], null],
  ["index", ["index", "other"], { products: [null] }],
  ["index", [...entry, "updated"], null],
  ["index", [...entry, "products"], null],
  ["products", ["license"], null],
  ["products", ["products", "other"], null],
  ["products", ["products", PRODUCT, "requirements"], { a: null }],
  ["products", ["products", PRODUCT, "supported"], true],
  ["products", ["products", PRODUCT, "unknown"], { os: 1 }],
  ["products", ["products", PRODUCT, "versions", "other"], null],
  ["products", [...version, "items"], null],
  ["products", [...version, "items", "other"], null],
  ["products", [...item, "size"], 0],
  ["products", [...item, "size"], Number.MAX_SAFE_INTEGER],
];

/** Each in a field that both clients have. */
const WRONG: readonly Change[] = [
  ["index", ["format"], 1],
  ["index", ["index"], []],
  ["index", ["index", "other"], "images"],
  ["index", [...entry, "datatype"], ["image-downloads"]],
  ["index", [...entry, "updated"], 1_700_000_000],
  ["index", [...entry, "products"], PRODUCT],
  ["index", [...entry, "products"], [1]],
  ["index", [...entry, "PATH"], 1],
  ["products", ["products"], []],
  ["products", ["content_id"], {}],
  ["products", ["products", "other"], 1],
  ["products", ["products", PRODUCT, "aliases"], ["demo/1"]],
  ["products", ["products", PRODUCT, "release"], 1],
  ["products", ["products", PRODUCT, "supported"], "yes"],
  ["products", ["products", PRODUCT, "Version"], 1],
  ["products", ["products", PRODUCT, "versions"], []],
  ["products", [...version, "label"], 1],
  ["products", [...version, "items"], []],
  ["products", [...item, "size"], "1000000"],
  ["products", [...item, "size"], 1.5],
  ["products", [...item, "\u017fize"], "1"],
];

const schemas = {
  index: compiled("index-incus-lxd"),
  products: compiled("products-incus-lxd"),
};

function compiled(name: string) {
  const schema = JSON.parse(readFileSync(`schemas/v1/${name}.schema.json`, "utf8")) as object;
  return new Ajv2020({ allowUnionTypes: true }).compile(schema);
}

/** The smallest tree with one value in it that is another, or more. */
function changed([document, at, value]: Change): Readonly<Record<Document, object>> {
  const tree = smallestTree();
  let object = tree[document] as Record<string, unknown>;
  for (const key of at.slice(0, -1)) object = object[key] as Record<string, unknown>;
  object[at.at(-1) ?? ""] = value;
  return tree;
}

const named = (changes: readonly Change[]) =>
  changes.map(
    (change) => [`${change[0]}: ${change[1].at(-1)} = ${JSON.stringify(change[2])}`, change] as const,
  );

describe.skipIf(inject("daemons") === undefined)("the schemas and the real clients", () => {
  let folder: string;
  let tree: StaticTree | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "schemas-"));
  });
  afterEach(async () => {
    await tree?.close();
  });

  /** Which clients refuse to list anything for this tree. */
  async function refusing(documents: Readonly<Record<Document, object>>): Promise<string[]> {
    const served = new Map<string, unknown>([
      [INDEX_PATH, documents.index],
      [PRODUCTS_PATH, documents.products],
    ]);
    tree = await serveTree(folder, served);
    const refused: string[] = [];
    for (const family of FAMILIES) {
      const user = await User.create(family);
      await user.addRemote("tree", tree.url, tree.pem);
      const { status, stderr } = await user.attempt("image", "list", "tree:", "--format", "json");
      if (status === 0) continue;
      expect(stderr).toContain("cannot unmarshal");
      refused.push(family);
    }
    return refused;
  }

  test.each(named(VALID))("valid, and read by both: %s", async (_name, change) => {
    const documents = changed(change);
    expect(schemas[change[0]](documents[change[0]])).toBe(true);
    expect(await refusing(documents)).toEqual([]);
  });

  test.each(named(WRONG))("invalid, and refused by both: %s", async (_name, change) => {
    const documents = changed(change);
    expect(schemas[change[0]](documents[change[0]])).toBe(false);
    expect(await refusing(documents)).toEqual([...FAMILIES]);
  });
});

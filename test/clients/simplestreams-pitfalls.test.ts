import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { buildSmallestTree, page } from "../docs/simplestreams-page.ts";
import { emptyDaemons } from "./daemons.ts";
import { type StaticTree, serveTree } from "./static-tree.ts";
import { FAMILIES, User, daemons } from "./user.ts";

/** A part of a document that a test may change at will. */
type Fields = Record<string, unknown>;

/** The smallest tree, taken apart. */
interface Tree {
  index: unknown;
  products: unknown;
  readonly entry: Fields;
  readonly product: Fields;
  readonly items: Readonly<Record<"incus.tar.xz" | "lxd.tar.xz" | "squashfs", Fields>>;
}

/** What both clients say, as the page quotes it, and the change to the smallest tree after which they say it. */
const MESSAGES: readonly (readonly [string, "list" | "launch", (tree: Tree) => void])[] = [
  ["invalid character '<' looking for beginning of value", "list", (tree) => (tree.index = "<html>")],
  ["invalid character '\\x00'", "list", (tree) => (tree.index = "\0".repeat(20))],
  ["unexpected end of JSON input", "list", (tree) => (tree.products = "{")],
  ["invalid character 'ï'", "list", (tree) => (tree.products = `\ufeff${JSON.stringify(tree.products)}`)],
  ["of type int64", "list", ({ items }) => (items.squashfs["size"] = "123")],
  [
    "Failed parsing products: Unable to fetch",
    "list",
    ({ entry }) => (entry["path"] = "streams/v1/other.json"),
  ],
  ["The requested image couldn't be found", "launch", ({ entry }) => (entry["products"] = [])],
  ["The requested image couldn't be found", "launch", ({ product }) => (product["arch"] = "all")],
  ["Image fingerprint doesn't match", "launch", ({ items }) => setFingerprint(items, "ab".repeat(32))],
  ["Hash mismatch for https://", "launch", ({ items }) => delete items.squashfs["sha256"]],
  ["%3F", "launch", ({ items }) => (items.squashfs["path"] = `${String(items.squashfs["path"])}?token`)],
  ["/https:/cdn.example/", "launch", ({ items }) => (items.squashfs["path"] = "https://cdn.example/root")],
  ["More than one match for the provided partial fingerprint", "launch", listTwice],
];

describe.skipIf(inject("daemons") === undefined)("pitfalls of docs/simplestreams.md", () => {
  let folder: string;
  let served: StaticTree | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(daemons().folder, "pitfalls-"));
    await buildSmallestTree(folder);
  });
  afterEach(async () => {
    await served?.close();
    await emptyDaemons(daemons());
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  test.each(MESSAGES)("both clients say %s: %s", async (message, command, change) => {
    expect(page).toContain(message);
    const tree = await smallestTree();
    change(tree);
    const documents = new Map([
      ["streams/v1/index.json", tree.index],
      ["streams/v1/images.json", tree.products],
    ]);
    served = await serveTree(join(folder, "tree"), documents);
    for (const family of FAMILIES) {
      const user = await User.create(family);
      await user.addRemote("demo", served.url, served.pem);
      const outcome =
        command === "list"
          ? await user.attempt("image", "list", "demo:")
          : await user.attempt("launch", "demo:demo/1", "first");
      expect(outcome.status, family).not.toBe(0);
      expect(outcome.stderr, family).toContain(message);
    }
  });

  async function smallestTree(): Promise<Tree> {
    const read = async (name: string) =>
      JSON.parse(await readFile(join(folder, "tree/streams/v1", name), "utf8")) as Fields;
    const [index, products] = await Promise.all([read("index.json"), read("images.json")]);
    const product = onlyOf(products["products"]);
    const items = (onlyOf(product["versions"]) as { readonly items: Tree["items"] }).items;
    return { index, products, entry: onlyOf(index["index"]), product, items };
  }
});

/** The only member of an object. */
function onlyOf(value: unknown): Fields {
  return Object.values(value as Readonly<Record<string, Fields>>)[0] ?? {};
}

function setFingerprint(items: Tree["items"], fingerprint: string): void {
  for (const key of ["incus.tar.xz", "lxd.tar.xz"] as const)
    items[key]["combined_squashfs_sha256"] = fingerprint;
}

function listTwice(tree: Tree): void {
  const products = (tree.products as { readonly products: Fields }).products;
  products["other"] = { ...tree.product, os: "Other", aliases: "other" };
}

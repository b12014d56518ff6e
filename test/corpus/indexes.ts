import { INDEX_PATH, PRODUCT, PRODUCTS_PATH } from "../../src/simplestreams/rules/smallest-tree.ts";
import { type Deviation, indexText, product, productsText, set, version, withKeys } from "./deviation.ts";

function entry(
  path: string,
  products: readonly string[] = [PRODUCT],
): { [key: string]: string | readonly string[] } {
  return { datatype: "image-downloads", format: "products:1.0", path, products };
}

const OTHER = productsText([
  set.file("products", {
    other: product({ os: "Other", aliases: "other", versions: { 20260101: version("4") } }),
  }),
]);

/** Two products files called alike, in an index that names them in this order. */
function sharedBasename(...order: readonly string[]): Pick<Deviation, "edits" | "documents"> {
  const entries = order.map((path) => [path, entry(path)] as const);
  return {
    edits: [set.index("index", withKeys(entries))],
    documents: { "other/images.json": OTHER },
  };
}

/** What an index says, and which documents it leads to. */
export const indexes: readonly Deviation[] = [
  {
    name: "an entry with an empty products list",
    about: "The file is not even fetched.",
    edits: [set.entry("products", [])],
  },
  {
    name: "an entry without products list",
    about: "The file is not even fetched.",
    edits: [set.entry("products")],
  },
  {
    name: "an entry whose products list is null",
    about: "The file is not even fetched.",
    edits: [set.entry("products", null)],
  },
  {
    name: "an entry that lists other products",
    about: "Only whether the list is empty counts.",
    edits: [set.entry("products", ["x"])],
  },
  {
    name: "an entry that lists null",
    about: "Null is an empty text in Go, and the list is not empty.",
    edits: [set.entry("products", [null])],
  },
  {
    name: "an entry whose products are a text",
    about: "One wrong type fails the index.",
    edits: [set.entry("products", PRODUCT)],
  },
  {
    name: "an entry whose products are an object",
    about: "One wrong type fails the index.",
    edits: [set.entry("products", { [PRODUCT]: {} })],
  },
  {
    name: "an entry that lists a number",
    about: "One wrong type fails the index.",
    edits: [set.entry("products", [1])],
  },
  {
    name: "an entry of datatype image-ids",
    about: "Skipped: only image-downloads are images.",
    edits: [set.entry("datatype", "image-ids")],
  },
  { name: "an entry without datatype", about: "Skipped.", edits: [set.entry("datatype")] },
  {
    name: "an entry of datatype image-download",
    about: "Skipped: a letter is missing.",
    edits: [set.entry("datatype", "image-download")],
  },
  {
    name: "an entry of datatype Image-Downloads",
    about: "Skipped: values are compared as they are.",
    edits: [set.entry("datatype", "Image-Downloads")],
  },
  {
    name: "an entry that is a text",
    about: "One wrong type fails the index.",
    edits: [set.otherEntry("other", "x")],
  },
  {
    name: "an entry that is null",
    about: "It is an empty entry: skipped.",
    edits: [set.otherEntry("other", null)],
  },
  {
    name: "an entry whose path is a number",
    about: "One wrong type fails the index.",
    edits: [set.entry("path", 1)],
  },
  {
    name: "an entry without path",
    about: "The root of the server is fetched instead.",
    edits: [set.entry("path")],
  },
  {
    name: "an index that lists its entries",
    about: "One wrong type fails the index.",
    edits: [set.index("index", [])],
  },
  {
    name: "an index without entries",
    about: "Nothing is listed; that is no error.",
    edits: [set.index("index", {})],
  },
  {
    name: "an index of an unknown format",
    about: "Not read.",
    edits: [set.index("format", "index:9.9"), set.entry("format", "zzz")],
  },
  {
    name: "an index whose format is a number",
    about: "One wrong type fails the index.",
    edits: [set.index("format", 1)],
  },
  {
    name: "an index updated at a Unix time",
    about: "One wrong type fails the index.",
    edits: [set.index("updated", 1_767_225_600)],
  },
  { name: "an index without format", about: "Not read.", edits: [set.index("format")] },
  {
    name: "an entry under another name",
    about: "The name is not read.",
    documents: { [INDEX_PATH]: indexText().replace('"images":{', '"com.example:demo":{') },
  },
  {
    name: "an entry called __proto__",
    about: "A name like any other.",
    documents: { [INDEX_PATH]: indexText().replace('"images":{', '"__proto__":{') },
  },
  {
    name: "clouds in an entry",
    about: "Incus and LXD do not know them.",
    edits: [
      set.entry("clouds", [{ region: "r", endpoint: "https://cloud.example" }]),
      set.entry("cloudname", "c"),
    ],
  },
  {
    name: "two entries with a file each",
    about: "Both are fetched.",
    edits: [set.otherEntry("other", entry("streams/v1/other.json"))],
    documents: { "streams/v1/other.json": OTHER },
  },
  {
    name: "two entries with one file",
    about: "Its images are listed twice.",
    edits: [set.otherEntry("other", entry(PRODUCTS_PATH))],
  },
  {
    name: "two files with one basename",
    about:
      "Incus keeps files by the last part of their path: whichever comes first stands for both. LXD's command line keeps none.",
    ...sharedBasename(PRODUCTS_PATH, "other/images.json"),
    orders: [
      sharedBasename(PRODUCTS_PATH, "other/images.json"),
      sharedBasename("other/images.json", PRODUCTS_PATH),
    ],
  },
  {
    name: "a products file called index.json",
    about: "Incus has the index under that name already, and finds no products in it.",
    edits: [set.entry("path", "other/index.json")],
    documents: { "other/index.json": productsText() },
  },
  {
    name: "a second products file that is not there",
    about: "One file that fails takes the others with it.",
    edits: [set.otherEntry("other", entry("streams/v1/other.json"))],
  },
  {
    name: "a second products file that is broken",
    about: "One file that fails takes the others with it.",
    edits: [set.otherEntry("other", entry("streams/v1/other.json"))],
    documents: { "streams/v1/other.json": "{" },
  },
  {
    name: "a broken products file of another datatype",
    about: "It is never fetched.",
    edits: [set.otherEntry("other", { ...entry("streams/v1/other.json"), datatype: "image-ids" })],
    documents: { "streams/v1/other.json": "{" },
  },
  {
    name: "a second products file without products",
    about: "It adds nothing.",
    edits: [set.otherEntry("other", entry("streams/v1/other.json"))],
    documents: { "streams/v1/other.json": productsText([set.file("products", {})]) },
  },
  {
    name: "an entry that leads to the index",
    about: "It is read as a products file that has no products.",
    edits: [set.entry("path", INDEX_PATH)],
  },
  {
    name: "an entry whose path begins with a slash",
    about: "It is joined below the server's address.",
    edits: [set.entry("path", `/${PRODUCTS_PATH}`)],
  },
  {
    name: "an entry whose path is relative to the index",
    about: "Paths are relative to the server's address.",
    edits: [set.entry("path", "images.json")],
  },
  {
    name: "an entry whose path has dots and slashes",
    about: "The client takes them out.",
    edits: [set.entry("path", "streams/./x//../v1/images.json")],
  },
  {
    name: "an entry whose path climbs out and comes back",
    about: "It can leave the server's address; here there is nothing above it.",
    edits: [set.entry("path", "../streams/v1/images.json")],
  },
  {
    name: "an entry whose path is an address",
    about: "It is joined to the server's address like any other.",
    edits: [set.entry("path", `https://files.example/${PRODUCTS_PATH}`)],
  },
  {
    name: "an entry whose path has a query",
    about: "The question mark is escaped, so it is part of the name.",
    edits: [set.entry("path", `${PRODUCTS_PATH}?v=1`)],
  },
  {
    name: "an entry whose path has a blank",
    about: "It is escaped on the way and arrives as it is.",
    edits: [set.entry("path", "streams/v1/my images.json")],
    documents: { "streams/v1/my images.json": productsText() },
  },
  {
    name: "an entry whose path has an escaped blank",
    about: "Incus takes it for escaped; LXD escapes it once more and asks for a percent sign.",
    edits: [set.entry("path", "streams/v1/my%20images.json")],
    documents: { "streams/v1/my images.json": productsText() },
  },
  {
    name: "an entry whose path has a percent sign",
    about: "LXD asks for it; Incus cannot join it and asks for the server's own address.",
    edits: [set.entry("path", "streams/v1/100%.json")],
    documents: { "streams/v1/100%.json": productsText() },
  },
];

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

/** Which products files an index leads to, and how clients ask for them. */
export const productsFiles: readonly Deviation[] = [
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
    name: "one fingerprint in two files",
    about: "Listed twice, and no use of it succeeds: more than one match.",
    edits: [set.otherEntry("other", entry("streams/v1/other.json"))],
    documents: {
      "streams/v1/other.json": productsText([
        set.file("products", { other: product({ os: "Other", aliases: "other" }) }),
      ]),
    },
  },
  {
    name: "one product in two files, with another build in each",
    about: "Keys of products are not compared: both builds are listed, and the newest has the aliases.",
    edits: [set.otherEntry("other", entry("streams/v1/other.json"))],
    documents: {
      "streams/v1/other.json": productsText([set.product("versions", { "20260202_0000": version("4") })]),
    },
  },
  {
    name: "keys of an index in other cases",
    about: "Go compares keys without regard to case.",
    documents: {
      [INDEX_PATH]: indexText()
        .replace('"index":', '"INDEX":')
        .replace('"datatype":', '"DataType":')
        .replace('"path":', '"Path":'),
    },
  },
  {
    name: "an index with index twice",
    about: "Go adds the second object to the map it has: both entries count.",
    documents: {
      [INDEX_PATH]: indexText().replace(
        /\}$/,
        `,"index":{"other":${JSON.stringify(entry("streams/v1/other.json"))}}}`,
      ),
      "streams/v1/other.json": OTHER,
    },
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
    name: "an entry whose path ends in a slash",
    about: "Incus asks for it with the slash, and a file is no folder; LXD takes it away.",
    edits: [set.entry("path", `${PRODUCTS_PATH}/`)],
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

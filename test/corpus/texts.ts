import { INDEX_PATH, PRODUCT, PRODUCTS_PATH } from "../../src/simplestreams/rules/smallest-tree.ts";
import { gzipSync } from "node:zlib";
import {
  type Deviation,
  type Raw,
  indexText,
  product,
  productsText,
  set,
  type Text,
  version,
} from "./deviation.ts";

/** The products file as text that no JSON writer makes. */
function asProducts(text: Text): Raw {
  return { [PRODUCTS_PATH]: text };
}

const DEAD = "encoding/json wants one JSON value and nothing around it.";
const file = productsText();

/** `{..., "key": one, "key": other}` */
function twice(key: string, one: unknown, other: unknown): string {
  const first = JSON.stringify(key);
  return `{${first}:${JSON.stringify(one)},${first}:${JSON.stringify(other)}}`;
}

function nested(levels: number): string {
  const marked = productsText([set.product("notes", "HERE")]);
  return marked.replace('"HERE"', "[".repeat(levels) + "]".repeat(levels));
}

/** What is wrong, or only odd, in the text of a document, before it is a tree. */
export const texts: readonly Deviation[] = [
  { name: "a products file that was cut off", about: DEAD, documents: asProducts(file.slice(0, 300)) },
  { name: "a products file with a byte order mark", about: DEAD, documents: asProducts(`\uFEFF${file}`) },
  { name: "a products file in UTF-16", about: DEAD, documents: asProducts(Buffer.from(file, "utf16le")) },
  { name: "a NUL byte after the products file", about: DEAD, documents: asProducts(`${file}\0`) },
  {
    name: "a NUL byte in a text",
    about: "Control characters have to be escaped in JSON.",
    documents: asProducts(file.replace('"Demo"', '"De\0mo"')),
  },
  {
    name: "an escaped NUL in a text",
    about: "Escaped it is a character like any other.",
    edits: [set.product("os", "De\0mo")],
  },
  { name: "a second object after the first", about: DEAD, documents: asProducts(`${file}{}`) },
  {
    name: "blank lines around the object",
    about: "White space is allowed.",
    documents: asProducts(`\n\n ${file}\r\n\t\n`),
  },
  { name: "a comma too many", about: DEAD, documents: asProducts(file.replace(/\}$/, ",}")) },
  { name: "a comment", about: DEAD, documents: asProducts(`// images\n${file}`) },
  { name: "single quotes", about: DEAD, documents: asProducts(file.replaceAll('"', "'")) },
  {
    name: "a web page instead of the products file",
    about: "A proxy's page with status 200; clients keep it for as long as a good one.",
    documents: asProducts("<!doctype html>\n<title>Welcome</title>\n"),
  },
  { name: "an empty products file", about: "Nothing is no JSON.", documents: asProducts("") },
  {
    name: "a products file that is only blank",
    about: "White space alone is no JSON.",
    documents: asProducts("\n"),
  },
  {
    name: "a products file that is null",
    about: "Go decodes null into anything: a file without products.",
    documents: asProducts("null"),
  },
  { name: "a products file that is a list", about: DEAD, documents: asProducts("[]") },
  { name: "a products file that is a text", about: DEAD, documents: asProducts('"products"') },
  {
    name: "a gzipped products file that is not said to be so",
    about: "Without Content-Encoding it is not JSON.",
    documents: asProducts(gzipSync(file)),
  },
  {
    name: "a product twice under one key",
    about: "The last one counts: Go begins a member of a map anew.",
    documents: asProducts(
      `{"products":${twice(PRODUCT, product(), product({ aliases: "demo/second", os: "Second" }))}}`,
    ),
  },
  {
    name: "a text of a product twice",
    about: "The last one counts.",
    documents: asProducts(file.replace('"os":"Demo"', '"os":"First","os":"Demo"')),
  },
  {
    name: "products twice in a file",
    about: "Go adds the second object to the map it has: both count.",
    documents: asProducts(
      twice(
        "products",
        { one: product() },
        { two: product({ os: "Second", versions: { 20260102: version("4") } }) },
      ),
    ),
  },
  {
    name: "a text that is null the second time",
    about: "Null leaves a text as it was.",
    documents: asProducts(file.replace('"os":"Demo"', '"os":"Demo","os":null')),
  },
  {
    name: "products that are null the second time",
    about: "Null empties a map.",
    documents: asProducts(file.replace(/\}$/, ',"products":null}')),
  },
  {
    name: "a key twice, once in another case",
    about: "Both are the field, and the last one counts.",
    documents: asProducts(file.replace('"os":"Demo"', '"os":"Demo","OS":"Second"')),
  },
  {
    name: "bytes that are not UTF-8 in a text",
    about: "Go replaces them.",
    documents: asProducts(Buffer.from(file.replace('"os":"Demo"', '"os":"D\u00e9mo"'), "latin1")),
  },
  {
    name: "half of a surrogate pair",
    about: "Go replaces it.",
    documents: asProducts(file.replace('"os":"Demo"', '"os":"De\\ud83dmo"')),
  },
  {
    name: "a field that nobody knows, 100 levels deep",
    about: "Go goes down 10,000 levels.",
    documents: asProducts(nested(100)),
  },
  {
    name: "a field that nobody knows, 10,001 levels deep",
    about: "Deeper than Go goes.",
    documents: asProducts(nested(10_001)),
  },
  {
    name: "aliases that are lists, 9000 levels deep",
    about: "A wrong type like any other; whoever says so must not count on its depth.",
    documents: asProducts(
      file.replace('"aliases":"demo/1,demo/1/default"', `"aliases":${"[".repeat(9000)}${"]".repeat(9000)}`),
    ),
  },
  {
    name: "an index that was cut off",
    about: DEAD,
    documents: { [INDEX_PATH]: indexText().slice(0, 60) },
  },
  {
    name: "an index with a byte order mark",
    about: DEAD,
    documents: { [INDEX_PATH]: `\uFEFF${indexText()}` },
  },
  {
    name: "a web page instead of the index",
    about: "A proxy's page with status 200.",
    documents: { [INDEX_PATH]: "<html><body>Maintenance</body></html>" },
  },
  { name: "an empty index", about: "Nothing is no JSON.", documents: { [INDEX_PATH]: "" } },
  {
    name: "an index that is {}",
    about: "It has no entries, so there are no images; that is no error.",
    documents: { [INDEX_PATH]: "{}" },
  },
  {
    name: "an index that is null",
    about: "Go decodes null into anything.",
    documents: { [INDEX_PATH]: "null" },
  },
  { name: "an index that is a list", about: DEAD, documents: { [INDEX_PATH]: "[]" } },
];

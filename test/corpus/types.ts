import { PRODUCT, PRODUCTS_PATH } from "../../src/simplestreams/rules/smallest-tree.ts";
import { type Deviation, productsText, type Raw, set } from "./deviation.ts";

/** A size as JSON.stringify would not write it. */
function sizeAs(number: string): Raw {
  return { [PRODUCTS_PATH]: productsText([set.root("size", 424_242)]).replace("424242", number) };
}

const REFUSED = "One wrong type in a field the client knows fails the file, and with it the remote.";
const IGNORED = "Fields that no client knows may hold anything.";

/** Values of another type than the clients' structs have. */
export const types: readonly Deviation[] = [
  { name: "a size in quotes", about: REFUSED, edits: [set.root("size", "1000000")] },
  { name: "a size of 2.0", about: "Go wants digits for an integer.", documents: sizeAs("2.0") },
  { name: "a size of 1e3", about: "Go wants digits for an integer.", documents: sizeAs("1e3") },
  { name: "a size below zero", about: "It is an integer, and is added up.", documents: sizeAs("-5") },
  { name: "a size of null", about: "Null is as good as left out.", edits: [set.root("size", null)] },
  {
    name: "a size with 17 digits",
    about: "Go keeps all digits of 64 bits; a JavaScript number does not.",
    documents: sizeAs("90071992547409931"),
  },
  { name: "a size above 64 bits", about: REFUSED, documents: sizeAs("9223372036854775808") },
  {
    name: "a requirement that is a boolean",
    about: "Incus reads requirements; LXD 5.0.2 does not know the field and does not look at it.",
    edits: [set.product("requirements", { secureboot: false })],
  },
  {
    name: "an lxd_requirement that is a boolean",
    about: "LXD reads lxd_requirements; Incus does not know the field and does not look at it.",
    edits: [set.product("lxd_requirements", { secureboot: false })],
  },
  {
    name: "requirements as a list",
    about: "A list is no object; only Incus reads the field.",
    edits: [set.product("requirements", ["secureboot"])],
  },
  {
    name: "a requirement of null",
    about: "Go has an empty string there, and empty properties are dropped.",
    edits: [
      set.product("requirements", { secureboot: null }),
      set.product("lxd_requirements", { secureboot: null }),
    ],
  },
  { name: "a release that is a number", about: REFUSED, edits: [set.product("release", 12)] },
  { name: "a version that is a number", about: REFUSED, edits: [set.product("version", 12.04)] },
  { name: "a variant that is false", about: REFUSED, edits: [set.product("variant", false)] },
  { name: "aliases as a list", about: REFUSED, edits: [set.product("aliases", ["demo/1", "demo"])] },
  { name: "supported in quotes", about: REFUSED, edits: [set.product("supported", "true")] },
  { name: "supported as 1", about: REFUSED, edits: [set.product("supported", 1)] },
  {
    name: "an end of support that is a number",
    about: REFUSED,
    edits: [set.product("support_eol", 20_310_430)],
  },
  { name: "a label that is a number", about: REFUSED, edits: [set.version("label", 1)] },
  { name: "a pubname that is a list", about: REFUSED, edits: [set.version("pubname", [])] },
  { name: "an md5 that is a number", about: REFUSED, edits: [set.root("md5", 0)] },
  { name: "a path that is a list", about: REFUSED, edits: [set.root("path", ["a", "b"])] },
  { name: "a delta_base that is a number", about: REFUSED, edits: [set.root("delta_base", 20_260_101)] },
  {
    name: "a combined_type that is a number",
    about: "Incus 6.0 and LXD do not know the field; Incus from 7.1 refuses the file.",
    edits: set.metadata("combined_type", 1),
  },
  { name: "a product that is a list", about: REFUSED, edits: [set.otherProduct("list", [])] },
  { name: "a product that is a text", about: REFUSED, edits: [set.otherProduct("text", "demo")] },
  {
    name: "a product that is null",
    about: "It is an empty product: without arch it is skipped.",
    edits: [set.otherProduct("null", null)],
  },
  { name: "a version that is a text", about: REFUSED, edits: [set.otherVersion("20260102", "new")] },
  {
    name: "a version that is null",
    about: "It is an empty version: nothing in it.",
    edits: [set.otherVersion("20260102", null)],
  },
  { name: "versions as a list", about: REFUSED, edits: [set.product("versions", [])] },
  { name: "items as a list", about: REFUSED, edits: [set.version("items", [])] },
  { name: "an item that is a text", about: REFUSED, edits: [set.item("other", "images/other")] },
  {
    name: "an item that is null",
    about: "It is an item without ftype.",
    edits: [set.item("other", null)],
  },
  { name: "products as a list", about: REFUSED, edits: [set.file("products", [PRODUCT])] },
  {
    name: "products that are null",
    about: "It is a file without products: nothing is listed.",
    edits: [set.file("products", null)],
  },
  { name: "a content_id that is a number", about: REFUSED, edits: [set.file("content_id", 1)] },
  {
    name: "a products file updated at a Unix time",
    about: REFUSED,
    edits: [set.file("updated", 1_767_225_600)],
  },
  {
    name: "null in every text of a product",
    about: "Null is as good as left out; the description has holes.",
    edits: ["os", "release", "release_title", "variant", "aliases", "version", "support_eol"].map((field) =>
      set.product(field, null),
    ),
  },
  {
    name: "another type in a field that nobody knows",
    about: IGNORED,
    edits: [set.product("build", 12), set.version("region", []), set.root("sha512", false)],
  },
  {
    name: "nested lists and objects in a field that nobody knows",
    about: IGNORED,
    edits: [set.product("notes", { a: [1, { b: [null, [[]]] }], size: 1.5 })],
  },
  {
    name: "a wrong type in a key of another case",
    about: "Go compares keys without regard to case, so this is the field.",
    edits: [set.root("SIZE", "1000000")],
  },
  {
    name: "keys in other cases",
    about: "Go compares keys without regard to case.",
    edits: [
      set.product("aliases"),
      set.product("Aliases", "demo/upper"),
      set.product("os"),
      set.product("OS", "Upper"),
      set.root("sha256"),
      set.root("SHA256", "2".repeat(64)),
    ],
  },
  {
    name: "an ftype in upper case",
    about: "Values are compared as they are, unlike keys.",
    edits: [set.root("ftype", "SQUASHFS")],
  },
];

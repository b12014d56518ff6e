import { INDEX_PATH, PRODUCT } from "../../src/simplestreams/rules/smallest-tree.ts";
import { type Deviation, indexText, set } from "./deviation.ts";

/** What an index says, and one entry of it. */
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
];

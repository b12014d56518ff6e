import { type Deviation, productsText, set } from "./deviation.ts";
import { INDEX_PATH, PRODUCT, PRODUCTS_PATH, VERSION } from "../../src/simplestreams/rules/smallest-tree.ts";

/** Each field left out, and odd values of the right type. */
export const fields: readonly Deviation[] = [
  {
    name: "nothing deviates",
    about: "The smallest tree itself: one container for both families.",
  },
  { name: "no arch", about: "No architecture is an unknown one: skipped.", edits: [set.product("arch")] },
  {
    name: "no os",
    about: "The property is left out; the description has a hole.",
    edits: [set.product("os")],
  },
  { name: "no release", about: "The property is left out.", edits: [set.product("release")] },
  { name: "no release_title", about: "The description has a hole.", edits: [set.product("release_title")] },
  { name: "no variant", about: "Harmless while all images lack it.", edits: [set.product("variant")] },
  { name: "no aliases", about: "Listed, by fingerprint only.", edits: [set.product("aliases")] },
  { name: "no requirements", about: "There are none.", edits: [set.product("requirements")] },
  { name: "no versions", about: "Images come from versions.", edits: [set.product("versions")] },
  {
    name: "versions that are empty",
    about: "Images come from versions.",
    edits: [set.product("versions", {})],
  },
  { name: "no items", about: "Images come from items.", edits: [set.version("items")] },
  { name: "items that are empty", about: "Images come from items.", edits: [set.version("items", {})] },
  {
    name: "no ftype of the metadata",
    about: "The ftype alone says what an item is.",
    edits: set.metadata("ftype"),
  },
  {
    name: "no ftype of the root",
    about: "The ftype alone says what an item is.",
    edits: [set.root("ftype")],
  },
  { name: "no path of the metadata", about: "Without it the image is dropped.", edits: set.metadata("path") },
  { name: "no path of the root", about: "Listed, and cannot be fetched.", edits: [set.root("path")] },
  {
    name: "no sha256 of the metadata",
    about: "Listed, and cannot be fetched.",
    edits: set.metadata("sha256"),
  },
  { name: "no sha256 of the root", about: "Listed, and cannot be fetched.", edits: [set.root("sha256")] },
  {
    name: "no size of the root",
    about: "Listed as smaller; LXD after 6.9 cannot fetch it.",
    edits: [set.root("size")],
  },
  { name: "no size of the metadata", about: "Listed as smaller.", edits: set.metadata("size") },
  {
    name: "no combined hash",
    about: "It is the fingerprint; without it the image is dropped.",
    edits: set.metadata("combined_squashfs_sha256"),
  },
  {
    name: "an empty combined hash",
    about: "Empty is as good as left out.",
    edits: set.metadata("combined_squashfs_sha256", ""),
  },
  {
    name: "combined_sha256 for a squashfs",
    about: "The general name counts for root.tar.xz only.",
    edits: [...set.metadata("combined_squashfs_sha256"), ...set.metadata("combined_sha256", "3".repeat(64))],
  },
  {
    name: "no metadata item",
    about: "A root alone is no image.",
    edits: [set.item("incus.tar.xz"), set.item("lxd.tar.xz")],
  },
  { name: "no root item", about: "Metadata alone is no image.", edits: [set.item("squashfs")] },
  {
    name: "no products in the products file",
    about: "Nothing is listed; that is no error.",
    edits: [set.file("products")],
  },
  {
    name: "products that are empty",
    about: "Nothing is listed; that is no error.",
    edits: [set.file("products", {})],
  },
  {
    name: "no content_id, datatype and format in the products file",
    about: "Incus and LXD do not read them; the sstream tools do.",
    edits: [set.file("content_id"), set.file("datatype"), set.file("format")],
  },
  {
    name: "an unknown format and datatype in the products file",
    about: "Incus and LXD do not read them.",
    edits: [set.file("format", "products:9.9"), set.file("datatype", "image-ids")],
  },
  {
    name: "an end of support",
    about: "It is shown as the day on which the image expires.",
    edits: [set.product("support_eol", "2031-04-30")],
  },
  {
    name: "an end of support in words",
    about: "Shown as 1970.",
    edits: [set.product("support_eol", "April 2031")],
  },
  {
    name: "an end of support with a time",
    about: "Shown as 1970: only a day is read.",
    edits: [set.product("support_eol", "2031-04-30T00:00:00Z")],
  },
  {
    name: "an end of support on a day that does not exist",
    about: "Shown as 1970.",
    edits: [set.product("support_eol", "2031-02-30")],
  },
  {
    name: "supported is false",
    about: "Not read by Incus and LXD.",
    edits: [set.product("supported", false)],
  },
  {
    name: "requirements under their general name",
    about: "LXD 5.0.2 reads lxd_requirements only.",
    edits: [set.product("requirements", { secureboot: "false" })],
  },
  {
    name: "requirements under LXD's name",
    about: "Incus reads requirements only.",
    edits: [set.product("lxd_requirements", { secureboot: "false" })],
  },
  {
    name: "lxd_requirements that are empty beside full ones",
    about: "LXD from 5.0.3 takes the empty ones; LXD 5.0.2 knows no others.",
    edits: [set.product("requirements", { secureboot: "false" }), set.product("lxd_requirements", {})],
  },
  {
    name: "a requirement that no client knows",
    about: "It becomes a property like any other.",
    edits: [
      set.product("requirements", { secure_boot: "false", "a b": "\u00fc" }),
      set.product("lxd_requirements", { secure_boot: "false", "a b": "\u00fc" }),
    ],
  },
  {
    name: "a requirement called __proto__",
    about: "A name like any other.",
    documents: {
      [PRODUCTS_PATH]: productsText().replace(
        '"requirements":{}',
        '"requirements":{"__proto__":"x"},"lxd_requirements":{"__proto__":"x"}',
      ),
    },
  },
  { name: "a label", about: "Property and part of the description.", edits: [set.version("label", "daily")] },
  { name: "a version in words", about: "A property.", edits: [set.product("version", "1.0 LTS")] },
  {
    name: "ftype and arch hoisted, as a condensed tree has them",
    about: "The sstream tools inherit from above; Incus and LXD do not.",
    edits: [set.file("arch", "amd64"), set.product("arch")],
  },
  {
    name: "the ftype of a root hoisted to its version",
    about: "Incus and LXD do not inherit, so the root has no ftype.",
    edits: [set.root("ftype"), set.version("ftype", "squashfs")],
  },
  {
    name: "aliases by the _aliases of the sstream tools",
    about: "Incus and LXD do not know them.",
    edits: [set.product("release_title"), set.file("_aliases", { release: { 1: { release_title: "One" } } })],
  },
  { name: "no index", about: "The first request fails.", documents: { [INDEX_PATH]: undefined } },
  {
    name: "no products file",
    about: "One file that is not there fails the remote.",
    documents: { [PRODUCTS_PATH]: undefined },
  },
  {
    name: "item keys that say nothing",
    about: "Only the ftype counts.",
    documents: {
      [PRODUCTS_PATH]: productsText()
        .replace('"incus.tar.xz":{', '"a":{')
        .replace('"lxd.tar.xz":{', '"b":{')
        .replace('"squashfs":{', '"c":{'),
    },
  },
  {
    name: "names that mean something to JavaScript",
    about: "Names of products, versions and items are names.",
    documents: {
      [PRODUCTS_PATH]: productsText()
        .replace(JSON.stringify(PRODUCT), '"__proto__"')
        .replace('"squashfs":{', '"__proto__":{')
        .replace('"incus.tar.xz":{', '"constructor":{')
        .replace('"lxd.tar.xz":{', '"toString":{')
        .replace(JSON.stringify(VERSION), '"20260101__proto__"'),
    },
  },
  {
    name: "very long names",
    about: "There is no limit to names.",
    edits: [set.product("os", "O".repeat(4000)), set.product("release", "r".repeat(4000))],
  },
  {
    name: "markup, escapes and an override of direction in texts",
    about: "Clients take texts as they are.",
    edits: [set.product("os", '<b>"\u001b[31mred'), set.product("release_title", "a\u202eb\u2028c\\d")],
  },
];

import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import {
  type DocumentText,
  productsPaths,
  smallestTree,
  type TreeDocuments,
} from "../../../src/simplestreams/index.ts";
import { changeMember, textOf, type Written, WrittenObject, written } from "./json-tree.ts";

/*
 * Trees that somebody could serve: documents that work after some changes to their members and to their text, JSON of any kind, and bytes
 * of any kind.
 */

const NAMES = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "",
  "a\u0000b",
  "\u001b[2J",
  "\u202edlo",
  "\ud83d",
  "\ufeff",
  "ſize",
  "PATH",
  "Ftype",
  "products",
  "versions",
  "items",
  "index",
  "aliases",
  "arch",
  "os",
  "release",
  "variant",
  "path",
  "ftype",
  "size",
  "sha256",
  "delta_base",
  "requirements",
  "lxd_requirements",
  "combined_type",
  "combined_squashfs_sha256",
  "format",
  "datatype",
  "secure_boot",
  "support_eol",
  "20260101_0000",
  "20260101",
  "20260102_9999",
  "20260230",
  "00000101",
  "2026-01-01",
  "latest",
  "images",
  "demo:1:default:amd64",
  "incus.tar.xz",
  "lxd.tar.xz",
  "squashfs",
  "root.tar.xz",
  "disk-kvm.img",
  "uefi1.img",
  "disk1.img",
  "squashfs.vcdiff",
  "disk-kvm.img.vcdiff",
  "incus_combined.tar.gz",
  "lxd_combined.tar.gz",
  "rootfs.squashfs",
  "manifest",
];
const VALUES = [
  ...NAMES,
  "amd64",
  "arm64",
  "x86_64_v3",
  "amd64v3",
  "amd64 amd64",
  "loong64",
  "i386",
  "virtual-machine",
  "image-downloads",
  "image-ids",
  "products:1.0",
  "index:1.0",
  "streams/v1/images.json",
  "other/images.json",
  "streams/v1/index.json",
  "/streams/v1/images.json",
  "../images.json",
  "https://elsewhere/x",
  "a/./b%2f",
  "demo/1",
  "demo/1,demo/1,,demo/1/default",
  " demo",
  "12ab",
  "default",
  "2031-02-30",
  "1".repeat(64),
  "3".repeat(64),
  "A".repeat(64),
  "😀".repeat(90),
  "x".repeat(3000),
  "\n\r\t\u0007",
  "/".repeat(300),
  ",".repeat(50),
];

const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NAMES) },
  fc.string({ unit: "binary", maxLength: 12 }),
);
const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...VALUES) },
  fc.string({ unit: "binary", maxLength: 80 }),
);
const plain: fc.Arbitrary<Written> = fc.oneof(
  { weight: 6, arbitrary: text },
  fc.constantFrom<Written>(
    null,
    true,
    false,
    0,
    -1,
    1,
    0.5,
    1e21,
    2 ** 53,
    2 ** 63,
    [],
    new WrittenObject([]),
  ),
);
const value: fc.Arbitrary<Written> = fc.oneof(
  { weight: 8, arbitrary: plain },
  fc.array(plain, { maxLength: 4 }),
  fc.array(fc.tuple(name, plain), { maxLength: 4 }).map((members) => new WrittenObject(members)),
  fc.nat(90).map((levels) => Array.from({ length: levels }).reduce<Written>((inner) => [inner], 1)),
);

type Change = (node: Written) => Written;

/** One change to one member of a document. */
const change: fc.Arbitrary<Change> = fc.tuple(fc.nat(5000), fc.nat(8), name, value, fc.nat(300)).map(
  ([at, kind, other, instead, count]) =>
    (node) =>
      changeMember(node, at, ([key, member]) => {
        if (kind === 0) return [];
        if (kind === 1)
          return [
            [key, member],
            [key, instead],
          ];
        if (kind === 2)
          return [
            [key, member],
            [other, member],
          ];
        if (kind === 3) return [[other, member]];
        if (kind === 4) return [[key, new WrittenObject([[other, member]])]];
        if (kind === 5) return [[key, [member, instead]]];
        if (kind === 6 && count > 250) {
          return Array.from({ length: count }, (_, number) => [`${key}${number}`, member] as const);
        }
        return [[key, instead]];
      }),
);

/** One change to the text of a document. */
const textChange: fc.Arbitrary<(text: string) => string> = fc
  .tuple(fc.nat(4), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(40), text)
  .map(([kind, share, length, other]) => (whole) => {
    const at = Math.floor(share * whole.length);
    if (kind === 0) return whole.slice(0, at);
    if (kind === 1) return whole.slice(0, at) + other + whole.slice(at);
    if (kind === 2) return whole.slice(0, at) + whole.slice(at + length);
    if (kind === 3)
      return whole.slice(0, at) + whole.slice(at, at + length).repeat(2) + whole.slice(at + length);
    return `\ufeff${whole}`;
  });

/** A document that works, and what random hands make of it. */
function changed(originals: readonly Written[], many: number): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.constantFrom(...originals),
      fc.array(change, { maxLength: many }),
      fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, textChange),
    )
    .map(([original, changes, last]) => {
      const whole = textOf(changes.reduce((node, one) => one(node), original));
      return last === undefined ? whole : last(whole);
    });
}

/** Bytes of a text, of which some are others: not UTF-8 any more. */
const damaged = fc
  .tuple(text, fc.uint8Array({ maxLength: 60 }))
  .map(([start, rest]) => Buffer.concat([Buffer.from(start), rest]));

const { index, products } = smallestTree();
const originals = [written(products), ...["full-tree", "delta-circle"].map(ownDocument), ...SHAPES()];

function ownDocument(file: string): Written {
  return written(JSON.parse(readFileSync(new URL(`${file}.json`, import.meta.url), "utf8")));
}

/** What public servers and other tools make, the smaller ones. */
function SHAPES(): Written[] {
  const folder = new URL("../../fixtures/simplestreams/", import.meta.url);
  return ["lxd-images", "shapes/maas", "shapes/lxd-image-server", "shapes/simplestreams-s3"].map((file) =>
    written(JSON.parse(readFileSync(new URL(`${file}.json`, folder), "utf8"))),
  );
}

const productsText: fc.Arbitrary<DocumentText> = fc.oneof(
  { weight: 30, arbitrary: changed(originals, 6) },
  { weight: 2, arbitrary: value.map(textOf) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: damaged },
);

const indexText: fc.Arbitrary<DocumentText | undefined> = fc.oneof(
  { weight: 12, arbitrary: fc.constant(textOf(written(index))) },
  { weight: 12, arbitrary: changed([written(index), ownDocument("full-index")], 3) },
  value.map(textOf),
  damaged,
  fc.constant(undefined),
);

const LXC =
  "demo;1;amd64;default;20260101_00:00;/images/demo/1/\nother;2;arm64;cloud;20260102;/images/other/2/\n";

const lxcText: fc.Arbitrary<DocumentText | undefined> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undefined) },
  {
    weight: 3,
    arbitrary: fc
      .array(textChange, { maxLength: 4 })
      .map((all) => all.reduce((whole, one) => one(whole), LXC)),
  },
  damaged,
);

/** Most trees have what their index names. */
export const anyTree: fc.Arbitrary<TreeDocuments> = fc
  .tuple(indexText, productsText, fc.option(productsText, { nil: undefined, freq: 4 }), lxcText, fc.nat(9))
  .map(([theIndex, first, second, lxc, luck]) => {
    const named = theIndex === undefined || luck === 0 ? [] : productsPaths(theIndex);
    const files = new Map<string, DocumentText>([["streams/v1/images.json", first]]);
    for (const [at, path] of named.entries())
      files.set(path, at % 2 === 1 && second !== undefined ? second : first);
    return {
      index: theIndex,
      products: files,
      lxc: lxc === undefined ? undefined : new Map([["index-system", lxc]]),
    };
  });

/** What somebody may ask for in such a tree. */
export const anyName = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "demo/1",
      "demo/1/amd64",
      "demo:1:default:amd64",
      "3",
      "3".repeat(64),
      "full/1",
      "full/vm",
    ),
  },
  text,
);

import { expect, test } from "vitest";
import { explain } from "../../../src/simplestreams/index.ts";
import { INDEX } from "../../../src/simplestreams/tree/read-tree.ts";

/** Of the whole process, at its worst. */
const MAX_RESIDENT_KIB = 2 * 1024 * 1024;

const metadata = (hash: string) => `{"ftype":"incus.tar.xz","path":"m","combined_squashfs_sha256":"${hash}"}`;
const image = (number: number) => `"m":${metadata(`f${number}`)},"s":{"ftype":"squashfs","path":"s"}`;
const version = (name: string, items: string) => `"${name}":{"items":{${items}}}`;
const product = (key: string, versions: string, aliases = "a") =>
  `"${key}":{"arch":"amd64","os":"x","release":"1","aliases":"${aliases}","versions":{${versions}}}`;
const many = (count: number, member: (number: number) => string) =>
  Array.from({ length: count }, (_, at) => member(at)).join(",");
const oneVersion = (items: string) => product("p", version("20260101", items));

/** Short enough to be read, and made to take as much as they can. */
const shapes: Readonly<Record<string, () => string>> = {
  "300,000 roots in one version": () =>
    oneVersion(`${many(300_000, (at) => `"k${at}":{"ftype":"squashfs"}`)},"m":${metadata("f")}`),
  "300,000 metadata items without a root": () =>
    oneVersion(many(300_000, (at) => `"k${at}":${metadata("f")}`)),
  "99,000 metadata items with one root": () =>
    oneVersion(`${many(99_000, (at) => `"k${at}":${metadata(`f${at}`)}`)},"s":{"ftype":"squashfs"}`),
  "50,000 metadata items with 50,000 roots": () =>
    oneVersion(many(50_000, (at) => `"k${at}":${metadata("f")},"r${at}":{"ftype":"squashfs"}`)),
  "50,000 metadata items with as many misspelt roots": () =>
    oneVersion(many(50_000, (at) => `"k${at}":{"ftype":"incus.tar.xz"},"r${at}":{"ftype":"Squashfs"}`)),
  "a million aliases": () =>
    product(
      "p",
      version("20260101", image(1)),
      many(1_000_000, (at) => `alias${at}`),
    ),
  "an alias of 30 MiB for 50,000 images": () =>
    product(
      "p",
      many(50_000, (at) => version(`20260101_${at}`, image(at))),
      "x".repeat(30 << 20),
    ),
  "a key of 10 MiB for 50,000 images": () =>
    product(
      "p".repeat(10 << 20),
      many(50_000, (at) => version(`20260101_${at}`, image(at))),
    ),
  "200,000 products": () => many(200_000, (at) => product(`p${at}`, "", `a${at}`)),
  "90,000 versions with deltas": () =>
    product(
      "p",
      many(90_000, (at) =>
        version(
          `20260101_${at}`,
          `${image(at)},"d":{"ftype":"squashfs.vcdiff","delta_base":"20260101_${at - 1}"}`,
        ),
      ),
    ),
  "300 images with 200,000 deltas each": () =>
    oneVersion(
      `${many(300, (at) => `"m${at}":${metadata(`f${at}`)}`)},"s":{"ftype":"squashfs"},${many(200_000, (at) => `"d${at}":{"ftype":"squashfs.vcdiff"}`)}`,
    ),
  "ten thousand levels": () => `"p":{"x":${"[".repeat(9990)}${"]".repeat(9990)}}`,
  "a text of 60 MiB": () =>
    `"p":{"arch":"${"x".repeat(60 << 20)}","versions":{"2":{"items":{"m":${metadata("1")}}}}}`,
  "a million wrong types": () => oneVersion(many(1_000_000, (at) => `"k${at}":{"size":"1"}`)),
  "two million unknown keys": () => oneVersion(`"k":{${many(2_000_000, (at) => `"unknown${at}":1`)}}`),
  "one key 200,000 times": () => `"p":{${many(200_000, (at) => `"requirements":{"a${at}":"1"}`)}}`,
};

function treeOf(products: string, index: string) {
  return explain({
    index,
    products: new Map([["a.json", new TextEncoder().encode(`{"products":{${products}}}`)]]),
  });
}

const entry = `{"datatype":"image-downloads","path":"a.json","products":["x"]}`;

test.each(Object.entries(shapes))("%s: the explanation ends, and takes a bounded memory", (_name, shape) => {
  expect(treeOf(shape(), `{"index":{"a":${entry}}}`).readers).toHaveLength(7);
  expect(process.resourceUsage().maxRSS).toBeLessThan(MAX_RESIDENT_KIB);
});

test("a file that is named 400,000 times is not listed 400,000 times", () => {
  const { readers, findings } = treeOf(
    oneVersion(image(1)),
    `{"index":{${many(400_000, (at) => `"a${at}":${entry}`)}}}`,
  );
  expect(readers.filter(({ refuses }) => refuses)).toHaveLength(6);
  expect(findings.map(({ rule }) => rule)).toContain("document-size");
  expect(findings.some(({ document }) => document === INDEX)).toBe(true);
});

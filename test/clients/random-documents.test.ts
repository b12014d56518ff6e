import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { imagesOfText } from "../../src/simplestreams/index.ts";
import { ARCHITECTURE } from "./image-files.ts";
import { asPrinted, PROFILE } from "./listing.ts";
import { serveTree, type StaticTree } from "./static-tree.ts";
import { daemons, FAMILIES, User } from "./user.ts";

/*
 * Documents put together at random from what is usual, odd and wrong, listed by the real clients. Two things are kept
 * out, because the clients' own answer to them is random: images that compare as equal, and products beside each other of
 * which only some have a variant. So every product has an os of its own, and a version is either split or unified.
 */

const sha = fc.nat(2 ** 30).map((number) => number.toString(16).padStart(64, "0"));
const sometimes = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 3 });

const combined = [
  "combined_sha256",
  "combined_rootxz_sha256",
  "combined_squashfs_sha256",
  "combined_disk-kvm-img_sha256",
  "combined_disk1-img_sha256",
  "combined_uefi1-img_sha256",
];

function item(ftype: string): fc.Arbitrary<unknown> {
  const hashes = ftype.endsWith("s.tar.xz") || ftype === "lxd.tar.xz" ? combined : [];
  return fc.record(
    {
      ftype: fc.constant(ftype),
      path: fc.constantFrom(`a/b/${ftype}`, "x", "a//c", ""),
      sha256: fc.oneof({ weight: 5, arbitrary: sha }, fc.constant("")),
      size: fc.nat(2 ** 40),
      ...Object.fromEntries(
        hashes.map((field) => [field, fc.oneof({ weight: 6, arbitrary: sha }, fc.constant(""))]),
      ),
      ...(ftype.includes("combined") ? { combined_type: fc.constant("virtual-machine") } : {}),
      ...(ftype.endsWith("vcdiff") ? { delta_base: fc.constant("20260101_0742") } : {}),
    },
    { requiredKeys: ["ftype"] },
  );
}

function items(...ftypes: readonly string[]): fc.Arbitrary<unknown> {
  return fc.record(Object.fromEntries(ftypes.map((ftype) => [ftype, item(ftype)])), { requiredKeys: [] });
}

const version = fc.record(
  {
    label: fc.constantFrom("release", ""),
    items: fc.oneof(
      {
        weight: 4,
        arbitrary: items(
          "incus.tar.xz",
          "lxd.tar.xz",
          "squashfs",
          "root.tar.xz",
          "disk-kvm.img",
          "disk1.img",
          "uefi1.img",
          "squashfs.vcdiff",
          "manifest",
        ),
      },
      items("incus_combined.tar.gz", "lxd_combined.tar.gz", "root.tar.gz"),
    ),
  },
  { requiredKeys: ["items"] },
);

const versionNames = [
  "20260101_0742",
  "20260102",
  "20260103_07:42",
  "202601040742",
  "20260105.10",
  "20260105.9",
  "20260230",
  "2026-01-01",
  "v1",
  "20260106_2560",
  "00010101",
  "2026",
];
const architectures = [
  "amd64",
  "x86_64",
  "arm64",
  "armhf",
  "i386",
  "generic_64",
  "mipsel",
  "loong64",
  "riscv64",
  "ppc64el",
  "s390x",
  "all",
  "AMD64",
  "x86_64_v3",
  "amd64v3",
  "x86_64 x86_64",
  "",
];

const product = fc.record(
  {
    arch: fc.constantFrom(...architectures),
    release: fc.constantFrom("one", "12", ""),
    release_title: fc.constantFrom("One", "Zwölf", ""),
    version: fc.constantFrom("1.2", ""),
    variant: fc.constantFrom("default", "cloud", ""),
    aliases: fc.constantFrom("", "a", "a,b/c", "a, b", "a,,a"),
    requirements: fc.constantFrom({}, null, { secureboot: "false" }, { a: "", b: null }),
    lxd_requirements: fc.constantFrom({}, null, { cgroup: "v1" }),
    support_eol: fc.constantFrom("2030-01-31", "2030-02-30", "2030-1-1", "soon", ""),
    supported: fc.boolean(),
    versions: fc.dictionary(fc.constantFrom(...versionNames), version, { maxKeys: 4 }),
  },
  { requiredKeys: ["versions"] },
);

/** One wrong thing somewhere, which kills the whole file for clients that read the field. */
const mistake = fc.constantFrom<Readonly<Record<string, unknown>>>(
  { requirements: { secureboot: false } },
  { lxd_requirements: { cgroup: 1 } },
  { aliases: ["a"] },
  { supported: "true" },
  { release: 12 },
  { versions: [] },
  { VERSION: 12 },
  { versions: { v1: { items: { i: { size: "1" } } } } },
);

const document = fc
  .tuple(fc.array(product, { minLength: 1, maxLength: 5 }), sometimes(mistake))
  .map(([products, wrong]) =>
    JSON.stringify({
      products: Object.fromEntries(
        products.map((one, at) => [`p${at}`, { os: `Os${at}`, ...one, ...(at === 0 ? wrong : {}) }]),
      ),
    }),
  );

describe.skipIf(inject("daemons") === undefined)("documents made at random", () => {
  const documents = new Map<string, unknown>();
  let tree: StaticTree;

  beforeAll(async () => {
    tree = await serveTree(await mkdtemp(join(daemons().folder, "random-")), documents);
  });
  afterAll(() => tree.close());

  test.each(FAMILIES)("are listed by %s exactly as predicted, or refused as predicted", async (family) => {
    const user = await User.create(family);
    let round = 0;
    await fc.assert(
      fc.asyncProperty(document, async (text) => {
        // A place of its own for each document: clients keep an index for minutes.
        const name = `${family}${round++}`;
        const entry = { datatype: "image-downloads", path: "streams/v1/images.json", products: ["p"] };
        documents.set(`${name}/streams/v1/index.json`, { index: { images: entry } });
        documents.set(`${name}/streams/v1/images.json`, text);
        await user.addRemote(name, `${tree.url}/${name}`, tree.pem);
        const { images, fatal } = imagesOfText(text, PROFILE[family], { clientArch: ARCHITECTURE.kernel });
        if (fatal.length > 0) {
          await expect(user.list(name)).rejects.toThrow("cannot unmarshal");
        } else {
          expect(await user.list(name)).toEqual(images.map((image) => asPrinted(image, family)));
        }
      }),
      { numRuns: 60 },
    );
  });
});

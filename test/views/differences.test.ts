import { assert, constantFrom, dictionary, property, record, uniqueArray } from "fast-check";
import { describe, expect, it } from "vitest";
import type { Product, ProductsFile, Version } from "../../src/simplestreams/products.ts";
import {
  type ComparedImage,
  type ComparedListing,
  differences,
  isSame,
} from "../../src/views/differences.ts";
import type { ImageStream } from "../../src/views/image-stream.ts";
import { mergedRoot } from "../../src/views/merged-root.ts";
import { hashOf } from "../store/tiny-images.ts";

/** A build whose bytes are told by one word. */
function version(bytes: string): Version {
  const items = new Map([
    [
      "incus.tar.xz",
      {
        ftype: "incus.tar.xz",
        path: `m/${bytes}`,
        sha256: hashOf(`m${bytes}`),
        size: 100,
        combined_squashfs_sha256: hashOf(bytes),
      },
    ],
    ["squashfs", { ftype: "squashfs", path: `r/${bytes}`, sha256: hashOf(`r${bytes}`), size: 1000 }],
  ]);
  return { items };
}

interface TinyProduct {
  readonly key: string;
  readonly aliases?: string;
  /** Version to bytes. */
  readonly builds: Readonly<Record<string, string>>;
  readonly fields?: Partial<Product>;
}

function stream(products: readonly TinyProduct[], name = "images"): ImageStream {
  const file: ProductsFile = {
    content_id: name,
    datatype: "image-downloads",
    format: "products:1.0",
    products: new Map(
      products.map(({ key, aliases = key, builds, fields }) => [
        key,
        {
          os: key,
          release: "1",
          variant: "default",
          arch: "amd64",
          aliases,
          ...fields,
          versions: new Map(Object.entries(builds).map(([at, bytes]) => [at, version(bytes)])),
        },
      ]),
    ),
  };
  return { name, origin: "own", products: file };
}

function listing(products: readonly TinyProduct[]): ComparedListing {
  const streams = [stream(products)];
  const { products: merged, hidden } = mergedRoot(streams);
  return {
    streams,
    merged,
    hidden: [...hidden].flatMap(([name, images]) => images.map((image) => ({ stream: name, ...image }))),
  };
}

describe("what differs between two listings", () => {
  it("is nothing for the same one", () => {
    const one = listing([{ key: "a", builds: { "20260101_0000": "x" } }]);
    expect(isSame(differences(one, one))).toBe(true);
  });

  it("is a replaced alias when a product gets a new version, and another one when it goes back", () => {
    const old = listing([{ key: "a", builds: { "20260101_0000": "x" } }]);
    const next = listing([{ key: "a", builds: { "20260101_0000": "x", "20260102_0000": "y" } }]);
    const found = differences(old, next);
    expect(found.added.map(({ fingerprint }) => fingerprint)).toEqual([hashOf("y")]);
    expect(found.aliases).toMatchObject([
      {
        alias: "a",
        change: "replaced",
        from: { fingerprint: hashOf("x") },
        to: { fingerprint: hashOf("y") },
      },
    ]);
    expect(differences(next, old).aliases).toMatchObject([
      { change: "replaced", to: { fingerprint: hashOf("x") } },
    ]);
  });

  it("is a moved alias when it leads to another product", () => {
    const builds = [
      { key: "a", builds: { "20260101_0000": "x" } },
      { key: "b", builds: { "20260101_0000": "y" } },
    ] as const;
    const old = listing([{ ...builds[0], aliases: "a,stable" }, builds[1]]);
    const next = listing([builds[0], { ...builds[1], aliases: "b,stable" }]);
    const found = differences(old, next);
    expect([found.added, found.removed]).toEqual([[], []]);
    expect(found.aliases).toMatchObject([
      { alias: "stable", change: "moved", from: { product: "a" }, to: { product: "b" } },
    ]);
  });

  it("is a new name for the same bytes, not one image more and one fewer", () => {
    const old = listing([{ key: "a", builds: { "20260101_0000": "x" } }]);
    const next = listing([{ key: "b", builds: { "20260101_0000": "x" } }]);
    const found = differences(old, next);
    expect([found.added, found.removed]).toEqual([[], []]);
    expect(found.renamed).toMatchObject([{ from: { product: "a" }, to: { product: "b" } }]);
    expect(found.files.added.files + found.files.removed.files).toBe(0);
  });

  it("is what an image is described by, field by field", () => {
    const build = { key: "a", builds: { "20260101_0000": "x" } };
    const next = { ...build, fields: { release_title: "One", requirements: { secureboot: "false" } } };
    expect(differences(listing([build]), listing([next])).changed).toMatchObject([
      {
        fingerprint: hashOf("x"),
        fields: [
          { field: "title", from: "", to: "One" },
          { field: "requirements.secureboot", from: "", to: "false" },
        ],
      },
    ]);
  });

  it("is what the merged root hides since, and what no longer", () => {
    const old = listing([{ key: "a", builds: { "20260101_0000": "x" } }]);
    const next = listing([
      { key: "a", builds: { "20260101_0000": "x" } },
      { key: "b", builds: { "20260101_0000": "x" } },
    ]);
    expect(differences(old, next).hidden).toMatchObject([{ product: "b", fingerprint: hashOf("x") }]);
    expect(differences(next, old).shown).toMatchObject([{ product: "b", fingerprint: hashOf("x") }]);
  });

  it("leads from the earlier listing to the later one, and backwards to the earlier", () => {
    const product = record({
      key: constantFrom("a", "b", "c"),
      aliases: constantFrom("", "x", "x,y", "y"),
      builds: dictionary(
        constantFrom("20260101_0000", "20260102_0000", "20260103_0000"),
        constantFrom("1", "2", "3", "4", "5"),
        { minKeys: 1 },
      ),
    });
    const products = uniqueArray(product, { selector: ({ key }) => key });
    const places = (side: ComparedListing): string[] =>
      [...(side.streams[0]?.products.products ?? [])].flatMap(([key, { versions }]) =>
        [...versions].map(([name, { items }]) => `${key} ${name} ${items.get("squashfs")?.path}`),
      );
    const placeOf = ({ product: key, version: name, fingerprint }: ComparedImage): string =>
      `${key} ${name} r/${["1", "2", "3", "4", "5"].find((bytes) => hashOf(bytes) === fingerprint)}`;
    assert(
      property(products, products, (first, second) => {
        const [old, next] = [listing(first), listing(second)];
        const found = differences(old, next);
        const gone = new Set([...found.removed, ...found.renamed.map(({ from }) => from)].map(placeOf));
        const come = [...found.added, ...found.renamed.map(({ to }) => to)].map(placeOf);
        expect([...places(old).filter((place) => !gone.has(place)), ...come].toSorted()).toEqual(
          places(next).toSorted(),
        );
        const back = differences(next, old);
        expect(back.added).toHaveLength(found.removed.length);
        expect(back.removed).toHaveLength(found.added.length);
        expect(back.aliases.map(({ alias, from, to }) => [alias, to, from])).toEqual(
          found.aliases.map(({ alias, from, to }) => [alias, from, to]),
        );
        expect(isSame(found)).toBe(isSame(back));
        expect(found.files.before.bytes + found.files.added.bytes - found.files.removed.bytes).toBe(
          found.files.after.bytes,
        );
      }),
    );
  });
});

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readUpstreamIndex, readUpstreamProducts } from "../../src/simplestreams/upstream-documents.ts";

const HASH = "ab".repeat(32);
const root = { ftype: "squashfs", path: "a/root.squashfs", size: 10, sha256: HASH };

function read(file: unknown) {
  return readUpstreamProducts(JSON.stringify(file), { name: "the products file" });
}

function oneItem(item: unknown, product: Record<string, unknown> = {}) {
  const { file, oddities } = read({
    products: {
      "os:1": { arch: "amd64", ...product, versions: { "20260101_0000": { items: { root: item } } } },
    },
  });
  return {
    product: file.products.get("os:1"),
    item: file.products.get("os:1")?.versions.get("20260101_0000")?.items.get("root"),
    oddities,
  };
}

describe("a products file of somebody else", () => {
  it("keeps every key", () => {
    const { item, product, oddities } = oneItem(
      { ...root, crsn: 7, md5: "x" },
      { supported: true, my_key: [1] },
    );
    expect(item).toEqual({ ...root, crsn: 7, md5: "x" });
    expect(product?.["my_key"]).toEqual([1]);
    expect(oddities).toEqual([]);
  });

  it("loses one odd product and says so, and keeps the others", () => {
    const { file, oddities } = read({
      products: { good: { arch: "amd64", versions: {} }, odd: { arch: 5, versions: {} }, none: 7 },
    });
    expect([...file.products.keys()]).toEqual(["good"]);
    expect(oddities).toHaveLength(2);
    expect(oddities[0]).toContain('products["odd"].arch: expected a string, got 5');
  });

  it("puts right what can mean one thing only", () => {
    const { item, product } = oneItem(
      { ...root, size: "10", sha256: HASH.toUpperCase() },
      { aliases: ["a", "b"], requirements: { secureboot: false }, version: 12 },
    );
    expect(item).toEqual(root);
    expect(product?.aliases).toBe("a,b");
    expect(product?.requirements).toEqual({ secureboot: "false" });
    expect(product?.version).toBe("12");
    expect(oneItem(root, { aliases: "a, b,,c" }).product?.aliases).toBe("a,b,c");
  });

  it.each(["//host/x", "http://host/x", "/etc/passwd", "../x", "a/../x", "a\\b", "a%2fb", "x\u0000"])(
    "never takes the path %j",
    (path) => {
      const { item, oddities } = oneItem({ ...root, path });
      expect(item).toBeUndefined();
      expect(oddities.join()).toContain("leads nowhere below this upstream");
    },
  );

  it("inherits what stands further up", () => {
    const { file } = read({
      arch: "amd64",
      products: {
        a: {
          ftype: "squashfs",
          versions: { "20260101": { size: 3, items: { root: { path: "x", sha256: HASH } } } },
        },
      },
    });
    expect(file.products.get("a")?.arch).toBe("amd64");
    expect(file.products.get("a")?.versions.get("20260101")?.items.get("root")).toEqual({
      ftype: "squashfs",
      size: 3,
      path: "x",
      sha256: HASH,
    });
  });

  it("looks up _aliases, and bears a value that is not in the table", () => {
    const { file } = read({
      _aliases: { crsn: { one: { region: "one", release: "noble" } } },
      products: { a: { crsn: "one", versions: {} }, b: { crsn: "two", versions: {} } },
    });
    expect(file.products.get("a")?.release).toBe("noble");
    expect(file.products.get("b")?.release).toBeUndefined();
  });

  it("refuses what is no products file", () => {
    for (const text of ["", "<html>", "[]", "{}", '{"products":[]}', "{".repeat(100_000)]) {
      expect(() => readUpstreamProducts(text, { name: "x" })).toThrow(
        expect.objectContaining({ name: "HeadwaterError" }),
      );
    }
  });

  it("bounds what it says", () => {
    const products = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`p${at}`, 1]));
    const { oddities } = read({ products });
    expect(oddities).toHaveLength(101);
    expect(oddities.at(-1)).toBe("and 400 more");
  });

  it("never throws for any JSON below `products`", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 6 })), (products) => {
        const { file } = read({ products });
        for (const product of file.products.values()) expect(product.versions).toBeInstanceOf(Map);
      }),
    );
  });
});

describe("an index of somebody else", () => {
  it("lists the entries that can be used", () => {
    const entry = {
      datatype: "image-downloads",
      format: "products:1.0",
      path: "streams/v1/a.json",
      products: ["a"],
    };
    const { entries, oddities } = readUpstreamIndex(
      JSON.stringify({
        index: {
          good: entry,
          far: { ...entry, path: "//host/x" },
          nested: { ...entry, format: "index:1.0" },
          odd: { path: 3 },
        },
      }),
      { name: "the index" },
    );
    expect([...entries.keys()]).toEqual(["good"]);
    expect(oddities).toHaveLength(3);
  });
});

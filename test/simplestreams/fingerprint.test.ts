import { describe, expect, test } from "vitest";
import {
  duplicateFingerprints,
  fingerprintsOf,
  isFingerprint,
  type Item,
  matchFingerprint,
  requirementFields,
  withTwins,
} from "../../src/simplestreams/index.ts";
import { fileOf, productOf, sha, splitItems } from "./sample-products.ts";

const unified = (ftype: string, more: Partial<Item> = {}): Item => ({
  ftype,
  path: "u.tar.gz",
  size: 5,
  sha256: sha("a"),
  ...more,
});

describe("the images of a version", () => {
  test("listed for both dialects are one image, not two", () => {
    expect(fingerprintsOf({ items: splitItems(1) })).toEqual([
      {
        fingerprint: sha(10),
        type: "container",
        dialects: ["incus", "lxd"],
        rootFtype: "squashfs",
        itemKey: "squashfs",
        itemKeys: ["squashfs"],
        metadataKey: "incus.tar.xz",
      },
    ]);
  });

  test("that are unified are known by the file's own hash, under all keys it has", () => {
    const items = new Map([
      ["i", unified("incus_combined.tar.gz", { combined_type: "container" })],
      ["l", unified("lxd_combined.tar.gz")],
    ]);
    expect(fingerprintsOf({ items })).toEqual([
      {
        fingerprint: sha("a"),
        type: "container",
        dialects: ["incus", "lxd"],
        rootFtype: undefined,
        itemKey: "i",
        itemKeys: ["i", "l"],
        metadataKey: undefined,
      },
    ]);
  });

  test("that have no hash are none", () => {
    const items = new Map([
      ...splitItems(1, { combined_squashfs_sha256: "" }),
      ["u", { ftype: "incus_combined.tar.gz", path: "u" }],
    ] as [string, Item][]);
    expect(fingerprintsOf({ items })).toEqual([]);
  });
});

describe("duplicates", () => {
  test("are found across products and versions, with their places", () => {
    const file = fileOf({
      a: productOf({ "20260101_0000": splitItems(1), "20260102_0000": splitItems(2) }),
      b: productOf({ "20260103_0000": splitItems(1) }),
    });
    const found = duplicateFingerprints(file);
    expect([...found.keys()]).toEqual([sha(10)]);
    expect(found.get(sha(10))?.map(({ product, version }) => [product, version])).toEqual([
      ["a", "20260101_0000"],
      ["b", "20260103_0000"],
    ]);
  });

  test("are none when each is listed for another dialect", () => {
    const only = (key: string) =>
      new Map([...splitItems(1)].filter(([name]) => name === key || name === "squashfs"));
    const file = fileOf({
      a: productOf({ "20260101_0000": only("incus.tar.xz") }),
      b: productOf({ "20260103_0000": only("lxd.tar.xz") }),
    });
    expect(duplicateFingerprints(file).size).toBe(0);
  });
});

describe("a fingerprint", () => {
  test("is 64 lower-case hex digits", () => {
    expect(isFingerprint(sha("a"))).toBe(true);
    for (const text of [sha("A"), sha("g"), "a", "", `${sha("a")}\n`])
      expect(isFingerprint(text)).toBe(false);
  });

  test("is matched by its beginning, and two matches are one too many", () => {
    const images = [{ fingerprint: sha("a") }, { fingerprint: sha("b") }, { fingerprint: sha("b") }];
    expect(matchFingerprint(images, "a")).toEqual({ kind: "one", image: images[0] });
    expect(matchFingerprint(images, sha("b"))).toMatchObject({ kind: "several" });
    expect(matchFingerprint(images, "")).toMatchObject({ kind: "several" });
    expect(matchFingerprint(images, "c")).toEqual({ kind: "none" });
  });
});

describe("twins", () => {
  test("differ from the metadata item in nothing but the ftype", () => {
    for (const [from, to] of [
      ["incus.tar.xz", "lxd.tar.xz"],
      ["lxd.tar.xz", "incus.tar.xz"],
    ] as const) {
      const items = new Map([...splitItems(1)].filter(([key]) => key !== to));
      const twins = withTwins(items);
      expect([...twins.keys()].toSorted()).toEqual(["incus.tar.xz", "lxd.tar.xz", "squashfs"]);
      expect(twins.get(to)).toEqual({ ...items.get(from), ftype: to });
      expect(items.has(to)).toBe(false);
    }
  });

  test("are not made where both dialects are there, nor twice", () => {
    const items = splitItems(1);
    expect(withTwins(items)).toEqual(items);
    expect(withTwins(withTwins(items))).toEqual(items);
  });

  test("are made of a unified container and never of a unified virtual machine", () => {
    const container = withTwins(new Map([["l", unified("lxd_combined.tar.gz")]]));
    expect(container.get("incus_combined.tar.gz")).toEqual(unified("incus_combined.tar.gz"));
    const vm = new Map([["i", unified("incus_combined.tar.gz", { combined_type: "virtual-machine" })]]);
    expect(withTwins(vm)).toEqual(vm);
  });

  test("take another key when theirs is in use", () => {
    const items = new Map<string, Item>([
      ["lxd.tar.xz", { ftype: "manifest" }],
      ["m", { ftype: "incus.tar.xz" }],
    ]);
    expect(withTwins(items).get("lxd.tar.xz-2")).toEqual({ ftype: "lxd.tar.xz" });
  });
});

describe("requirements", () => {
  test("are written for both families, as strings", () => {
    const fields = requirementFields({ secureboot: false, nesting: "true", version: 2 });
    expect({ ...fields.requirements }).toEqual({ secureboot: "false", nesting: "true", version: "2" });
    expect(fields.lxd_requirements).toEqual(fields.requirements);
  });

  test("that are no plain values are refused, and odd names are names", () => {
    expect(() => requirementFields({ a: [] })).toThrow(
      'the requirement "a" cannot be written: expected a string, got []',
    );
    const odd = requirementFields(JSON.parse(`{"__proto__":"x"}`) as Record<string, unknown>);
    expect(Object.keys(odd.requirements)).toEqual(["__proto__"]);
  });
});

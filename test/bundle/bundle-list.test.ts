import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BUNDLE_FORMAT,
  type BundleList,
  encodeBundleList,
  parseBundleList,
} from "../../src/bundle/bundle-list.ts";
import { parsePartName, partName, sizesOfParts } from "../../src/bundle/parts.ts";
import { HeadwaterError } from "../../src/error.ts";

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const file = fc.record({
  path: word.map((name) => `images/${name}`),
  size: fc.maxSafeNat(),
  sha256: hex(64),
});
const list: fc.Arbitrary<BundleList> = fc.record({
  format: fc.constant(BUNDLE_FORMAT),
  id: hex(32),
  createdAt: fc.constant("2026-11-25T12:00:00.000Z"),
  store: hex(32),
  generation: fc.record({
    number: fc.integer({ min: 1 }),
    createdAt: fc.constant("2026-11-25T11:00:00.000Z"),
  }),
  partSize: fc.option(fc.integer({ min: 1 })),
  bases: fc.constant([]),
  streams: fc.constant([
    {
      name: "images",
      isOwn: true,
      url: null,
      isPublic: false,
      isVerbatim: false,
      aliasPrefix: "",
      twins: true,
      products: [],
    },
  ]),
  documents: fc.constant([]),
  files: fc.uniqueArray(file, { selector: ({ path }) => path }),
});

describe("the list of a bundle", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(list, (one) => {
        expect(parseBundleList(encodeBundleList(one), "a bundle")).toEqual(one);
      }),
    );
  });

  it("that is anything else is refused in a sentence", () => {
    const refused = (bytes: Uint8Array): void => {
      try {
        parseBundleList(bytes, "a bundle");
      } catch (error) {
        expect(error).toBeInstanceOf(HeadwaterError);
        expect(error).toMatchObject({ code: "BUNDLE_INVALID" });
        return;
      }
      throw new Error("it was taken");
    };
    fc.assert(fc.property(fc.uint8Array(), refused));
    fc.assert(fc.property(fc.jsonValue(), (value) => refused(Buffer.from(JSON.stringify(value)))));
    fc.assert(
      fc.property(list, fc.constantFrom(...KEYS), fc.jsonValue(), (one, key, value) => {
        fc.pre(value !== null && value !== BUNDLE_FORMAT && JSON.stringify(value) !== "[]");
        refused(Buffer.from(JSON.stringify({ ...one, [key]: value })));
      }),
    );
  });
});

/** In whose place no JSON value makes sense that comes by chance. */
const KEYS = ["format", "id", "createdAt", "generation", "bases", "streams", "documents", "files"] as const;

describe("the parts of a bundle", () => {
  it("are as many and as long as it takes, and have names that lead back", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.integer({ min: 1000, max: 5_000_000 }),
        (total, partSize) => {
          const sizes = sizesOfParts(total, partSize);
          expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(total);
          expect(sizes.slice(0, -1).every((size) => size === partSize)).toBe(true);
          expect(sizes.every((size) => size > 0 && size <= partSize)).toBe(true);
          const number = sizes.length;
          expect(parsePartName(partName("site.hwb", number))).toEqual({ name: "site.hwb", number });
        },
      ),
    );
    expect(sizesOfParts(10, null)).toEqual([10]);
    expect(["site.hwb", "site.hwb.000", "site.hwb.01", ".001"].map(parsePartName)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  aliasProblem,
  checkAlias,
  isRelativePath,
  isValidAlias,
  itemPath,
  joinAliases,
  parseAliases,
  parseRelativePath,
  printable,
  productKey,
  releaseNames,
  sameSlug,
  slug,
  slugClash,
  standardAliases,
} from "../../src/simplestreams/index.ts";
import { sha } from "./sample-products.ts";

const anyText = fc.string({ unit: "binary", maxLength: 40 });

describe("a slug", () => {
  test.each([
    ["Debian", "debian"],
    ["Rocky Linux", "rocky-linux"],
    ["22.04", "22.04"],
    ["my_variant", "my_variant"],
    ["Médiéval", "medieval"],
    ["a/b:c%d", "a-b-c-d"],
    ["  --x--  ", "x"],
    ["..", "u2e-2e"],
    [".hidden", "hidden"],
    ["日本", "u65e5-672c"],
    ["", "unnamed"],
  ])("of %j is %j", (name, expected) => {
    expect(slug(name)).toBe(expected);
  });

  test("is lower-case ASCII, never empty, never a step up, at most 100 long, and its own slug", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (name) => {
        const made = slug(name);
        expect(made).toMatch(/^[a-z0-9_]([a-z0-9._-]{0,98}[a-z0-9_])?$/);
        expect(slug(made)).toBe(made);
      }),
    );
  });

  test("is cut at 100 characters, and not left with a dot at its end", () => {
    expect(slug("x".repeat(300))).toBe("x".repeat(100));
    expect(slug(`${"x".repeat(99)}.yz`)).toBe("x".repeat(99));
  });

  test("shared by two different names is found", () => {
    expect(sameSlug("Rocky Linux", "rocky-linux")).toBe(true);
    expect(sameSlug("rocky", "rocky")).toBe(false);
    expect(slugClash("A B", ["a", "a-b", "A B"])).toBe("a-b");
    expect(slugClash("a", ["a", "b"])).toBeUndefined();
  });
});

describe("the path of an item", () => {
  test("says what it is and carries the beginning of its hash", () => {
    const parts = { os: "Debian", release: "12", arch: "amd64", variant: "", version: "20260101_0742" };
    expect(itemPath({ ...parts, name: "rootfs", sha256: sha("a"), extension: "tar.xz" })).toBe(
      "debian/12/amd64/default/20260101_0742/rootfs-aaaaaaaa.tar.xz",
    );
    expect(productKey({ os: "Debian", release: "12", variant: "", arch: "amd64" })).toBe(
      "debian:12:default:amd64",
    );
  });

  test("is one that every client can fetch, whatever the names are", () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, anyText, (os, release, variant, version) => {
        const path = itemPath({
          os,
          release,
          variant,
          version,
          arch: os,
          name: release,
          sha256: sha("b"),
          extension: variant,
        });
        expect(parseRelativePath(path)).toBe(path);
        expect(path.split("/")).toHaveLength(6);
        expect(path).toMatch(/^[a-z0-9._/-]+$/);
      }),
    );
  });
});

describe("a path from a document", () => {
  test.each([
    "a",
    "images/debian/12/amd64/default/20260101_07:42/rootfs.squashfs",
    "a b/ü/+~@=",
    "...",
    "a..b/.c",
    "20260101_07:42/x",
  ])("%j leads below", (path) => {
    expect(parseRelativePath(path)).toBe(path);
  });

  test.each([
    ["", "it is empty"],
    ["/etc/passwd", "it is absolute"],
    ["../x", 'it has ".." as a part'],
    ["a/../b", 'it has ".." as a part'],
    ["a/./b", 'it has "." as a part'],
    ["a//b", "it has an empty part"],
    ["a/", "it has an empty part"],
    ["https://cdn/x", "it has a scheme"],
    ["javascript:x", "it has a scheme"],
    ["a\\b", "it has a backslash"],
    ["a\nb", "it has a control character"],
    ["a\u0000", "it has a control character"],
    ["a\u0085b", "it has a control character"],
    ["a\u202eb", "it has a control character"],
    ["a\ud800", "it has a control character"],
    ["%2e%2e/x", 'it has a "%"'],
    ["a?token=1", 'it has a "%", "?" or "#"'],
    ["a#b", 'it has a "%", "?" or "#"'],
    ["x".repeat(1025), "expected at most 1024 characters"],
  ])("%j is refused", (path, problem) => {
    expect(() => parseRelativePath(path)).toThrow(problem);
    expect(isRelativePath(path)).toBe(false);
  });

  test("that is accepted stays below any base, as a URL and as a folder", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.webPath(), fc.constantFrom("..", "a/..", "x:y", "\\..\\")), (path) => {
        fc.pre(isRelativePath(path));
        const url = new URL(path, "https://host/base/");
        expect(url.origin).toBe("https://host");
        expect(url.pathname.startsWith("/base/")).toBe(true);
        expect(url.pathname.split("/")).toHaveLength(path.split("/").length + 2);
        expect(url.search + url.hash).toBe("");
      }),
    );
  });
});

describe("aliases", () => {
  test("are split at commas only, as clients do", () => {
    expect(parseAliases("a, b,,c")).toEqual(["a", " b", "", "c"]);
    expect(parseAliases("")).toEqual([]);
    expect(parseAliases(undefined)).toEqual([]);
  });

  test("that can be told apart are joined, each once", () => {
    expect(joinAliases(["debian/12", "x", "debian/12"])).toBe("debian/12,x");
    expect(() => joinAliases(["a,b"])).toThrow("a comma separates aliases");
    expect(() => joinAliases([""])).toThrow("it is empty");
  });

  test("that are valid come back from a join as they were", () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyText), (aliases) => {
        const valid = aliases.filter(isValidAlias);
        expect(parseAliases(joinAliases(valid))).toEqual(valid);
      }),
    );
  });

  test.each([
    ["", "it is empty"],
    ["a,b", "a comma"],
    ["a b", "a blank"],
    ["a\u00a0b", "a blank"],
    ["remote:a", "a colon"],
    ["a%2fb", '"%"'],
    ["a\\b", '"\\"'],
    ["a\u001b[31m", "a control character"],
    ["/a", "an empty part"],
    ["a/", "an empty part"],
    ["a//b", "an empty part"],
    ["a/../b", '".."'],
    ["-rf", "an option"],
    [sha("a"), "a fingerprint"],
    ["x".repeat(256), "at most 255"],
  ])("%j cannot be used, and the sentence says why", (alias, why) => {
    expect(() => checkAlias(alias)).toThrow(why);
    expect(aliasProblem(alias)).toContain(why);
  });

  test.each(["debian/12", "debian/bookworm/cloud", "web_1.2", "12", "abcdef", "über"])(
    "%j can be used",
    (alias) => {
      expect(aliasProblem(alias)).toBeUndefined();
    },
  );

  test("standard ones are the forms that the public servers offer", () => {
    const twelve = ["debian/12", "debian/12/default", "debian/bookworm", "debian/bookworm/default"];
    expect(standardAliases({ os: "Debian", release: "bookworm", variant: "default" })).toEqual(twelve);
    expect(standardAliases({ os: "debian", release: "12", variant: "" })).toEqual(twelve);
    expect(standardAliases({ os: "debian", release: "12", variant: "cloud" })).toEqual([
      "debian/12/cloud",
      "debian/bookworm/cloud",
    ]);
    expect(
      standardAliases({ os: "Ubuntu", release: "24.04", variant: "cloud", isDefaultVariant: true }),
    ).toEqual(["ubuntu/24.04", "ubuntu/24.04/cloud", "ubuntu/noble", "ubuntu/noble/cloud"]);
    expect(standardAliases({ os: "Alpine", release: "3.22", variant: "default", current: true })).toEqual([
      "alpine/3.22",
      "alpine/3.22/default",
      "alpine/current",
      "alpine/current/default",
    ]);
    expect(
      standardAliases({ os: "Own OS", release: "x", version: "7", codename: "Red", variant: "b" }),
    ).toEqual(["own-os/7/b", "own-os/x/b", "own-os/red/b"]);
  });

  test("standard ones can be used, whatever the names are", () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (os, release, variant) => {
        for (const alias of standardAliases({ os, release, variant }))
          expect(aliasProblem(alias)).toBeUndefined();
      }),
    );
  });

  test("releases are known by number and by codename", () => {
    expect(releaseNames("Ubuntu", "noble")).toEqual({ version: "24.04", codename: "noble" });
    expect(releaseNames("debian", "13")).toEqual({ version: "13", codename: "trixie" });
    expect(releaseNames("debian", "noble")).toBeUndefined();
    expect(releaseNames("constructor", "x")).toBeUndefined();
  });
});

test("printed text has nothing that a terminal obeys", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }),
  );
  expect(printable("plain ü 日本 text")).toBe("plain ü 日本 text");
});

import { describe, expect, test } from "vitest";
import { explain, type RuleId } from "../../src/simplestreams/index.ts";
import { brokenTree } from "./broken-tree.ts";

const BUILD = "debian;bookworm;amd64;default;1";

describe("the LXC index", () => {
  test.each([
    "/images/debian/",
    "images/debian",
    "//images//debian//",
    "/images/20260101_00:00/",
    "/images/a%20b/",
    "/",
  ])("has a build at %s, however many slashes there are", (path) => {
    expect(lxc({ "index-system": `${BUILD};${path}\n` })).toEqual({ lists: 1, rules: [] });
  });

  test.each(["https://cdn.example/images/", "/images/../../a/", "/images/?a=b", "/images/a#b/"])(
    "has a build that cannot be fetched at %s",
    (path) => {
      expect(lxc({ "index-system": `${BUILD};${path}\n` })).toEqual({ lists: 1, rules: ["lxc-path"] });
    },
  );

  test("may have one semicolon more at the end of a line, and no two", () => {
    expect(lxc({ "index-system": `${BUILD};/images/;\n` }).rules).toEqual([]);
    expect(lxc({ "index-system": `${BUILD};/images/;;\n` }).rules).toEqual(["lxc-line"]);
  });

  test("is the one with the level of LXC since 4.0, where there is one", () => {
    const newer = `${BUILD};/images/\n`;
    expect(lxc({ "index-system.7": newer })).toEqual({ lists: 1, rules: [] });
    expect(lxc({ "index-system.7": newer, "index-system": "broken\n" })).toEqual({ lists: 1, rules: [] });
    expect(lxc({ "index-system.7": "", "index-system": newer }).lists).toBe(0);
    expect(lxc({ "index-system.6": newer }).rules).toEqual(["lxc-index"]);
  });
});

function lxc(texts: Readonly<Record<string, string>>): { lists: number | undefined; rules: RuleId[] } {
  const { readers, findings } = explain({ ...brokenTree([]), lxc: new Map(Object.entries(texts)) });
  return {
    lists: readers.find(({ reader }) => reader === "lxc")?.lists,
    rules: findings.map(({ rule }) => rule),
  };
}

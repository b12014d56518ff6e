import { describe, expect, it } from "vitest";
import { type Filterable, parseFilters } from "../../src/cli/filters.ts";

const KEYS = ["alias", "arch", "os", "release", "type"];
const image: Filterable = {
  words: ["debian", "bookworm", "debian/12", "debian/bookworm", "3fa9c0"],
  fields: new Map([
    ["alias", ["debian/12", "debian/bookworm"]],
    ["arch", ["arm64"]],
    ["os", ["Debian"]],
    ["release", ["bookworm"]],
    ["type", ["vm"]],
  ]),
};
const matches = (...words: string[]) => parseFilters(words, KEYS)(image);

describe("parseFilters", () => {
  it("lets everything through without words", () => {
    expect(matches()).toBe(true);
  });

  it.each([
    [["debian"], true],
    [["DEB"], true],
    [["debian/12"], true],
    [["3fa9"], true],
    [["ubuntu"], false],
    [["arch=arm64"], true],
    [["arch=arm"], false],
    [["os=debian"], true],
    [["alias=debian/bookworm"], true],
    [["arch!=arm64"], false],
    [["release!=sid"], true],
    [["alias~^debian/1[23]$"], true],
    [["alias~^ubuntu"], false],
    [["debian", "type=vm"], true],
    [["debian", "type=container"], false],
    [["requirements.secureboot=false"], false],
  ] as const)("matches %j: %j", (words, expected) => {
    expect(matches(...words)).toBe(expected);
  });

  it("refuses a key no image has, naming those there are", () => {
    expect(() => matches("colour=red")).toThrowError(expect.objectContaining({ code: "USAGE" }));
  });

  it("refuses a broken regular expression", () => {
    expect(() => matches("alias~[")).toThrowError(expect.objectContaining({ code: "USAGE" }));
  });
});

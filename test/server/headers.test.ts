import { describe, expect, it } from "vitest";
import { acceptsGzip } from "../../src/server/accepts-gzip.ts";
import { isNotModified } from "../../src/server/not-modified.ts";

describe("acceptsGzip", () => {
  it.each([
    ["gzip", true],
    ["deflate, gzip;q=0.5", true],
    ["*", true],
    ["GZIP", true],
    ["br, *;q=0.1", true],
    [undefined, false],
    ["", false],
    ["identity", false],
    ["gzip;q=0", false],
    ["gzip; q=0.000, *", false],
    ["*;q=0", false],
    ["gzipped", false],
  ])("reads %j as %j", (header, expected) => {
    expect(acceptsGzip(header)).toBe(expected);
  });
});

describe("isNotModified", () => {
  const tag = '"abc"';
  const modified = Date.parse("2026-01-02T03:04:05.600Z");

  it("compares tags weakly, any in a list, and the star", () => {
    for (const header of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) {
      expect(isNotModified({ "if-none-match": header }, tag)).toBe(true);
    }
    for (const header of ['"x"', "abc", ""])
      expect(isNotModified({ "if-none-match": header }, tag)).toBe(false);
  });

  it("looks at the date only when there is no tag", () => {
    const since = "Fri, 02 Jan 2026 03:04:05 GMT";
    expect(isNotModified({ "if-modified-since": since }, tag, modified)).toBe(true);
    expect(isNotModified({ "if-modified-since": "Fri, 02 Jan 2026 03:04:04 GMT" }, tag, modified)).toBe(
      false,
    );
    expect(isNotModified({ "if-modified-since": "yesterday" }, tag, modified)).toBe(false);
    expect(isNotModified({ "if-modified-since": since, "if-none-match": '"x"' }, tag, modified)).toBe(false);
    expect(isNotModified({}, tag, modified)).toBe(false);
  });
});

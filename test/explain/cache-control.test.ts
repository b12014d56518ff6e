import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCacheControl, sharedFreshness } from "../../src/explain/cache-control.ts";

const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/);

describe("Cache-Control", () => {
  it("comes back from what was written, tokens and quoted values alike", () => {
    const value = fc.oneof(
      fc.constant(undefined),
      token,
      fc.string({ unit: "grapheme-ascii", maxLength: 20 }).map((text) => ({ quoted: text })),
    );
    const directives = fc.uniqueArray(fc.tuple(token, value), { selector: ([name]) => name.toLowerCase() });
    fc.assert(
      fc.property(directives, (entries) => {
        const text = entries.map(([name, one]) => {
          if (one === undefined) return name;
          return typeof one === "string"
            ? `${name}=${one}`
            : `${name}="${one.quoted.replace(/["\\]/g, "\\$&")}"`;
        });
        const expected = entries.map(([name, one]) => [
          name.toLowerCase(),
          typeof one === "object" ? one.quoted : one,
        ]);
        expect([...parseCacheControl(text.join(" ,"))]).toEqual(expected);
      }),
    );
  });

  it("never throws and always ends, whatever a server sends", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (text) => {
        const seconds = sharedFreshness({ "cache-control": text, expires: text, date: text, age: text });
        expect(seconds === undefined || seconds >= 0).toBe(true);
      }),
    );
    expect(parseCacheControl('a="'.repeat(5000)).size).toBeGreaterThan(0);
    expect(parseCacheControl(" ,".repeat(50_000)).size).toBe(0);
  });

  it.each([
    ["", undefined],
    ["public", undefined],
    ["max-age=300", 300],
    ["MAX-AGE = 300", 300],
    ["max-age=300, s-maxage=7200", 7200],
    ["max-age=86400, no-cache", 0],
    ['max-age=86400, no-cache="Set-Cookie"', 86400],
    ["private, max-age=86400", 0],
    ["no-store", 0],
    ["max-age=5, max-age=86400", 5],
    ["max-age=tomorrow", 0],
    ["max-age=99999999999999999999", 2 ** 31],
  ])("%j lets a shared cache answer by itself for %s seconds", (text, seconds) => {
    expect(sharedFreshness({ "cache-control": text })).toBe(seconds);
  });

  it("is not needed where a date says it", () => {
    const date = "Thu, 01 Jan 2026 00:00:00 GMT";
    expect(sharedFreshness({ date, expires: "Thu, 01 Jan 2026 00:10:00 GMT" })).toBe(600);
    expect(sharedFreshness({ date, expires: "0" })).toBe(0);
    expect(sharedFreshness({ date, expires: "Wed, 31 Dec 2025 00:00:00 GMT" })).toBe(0);
  });
});

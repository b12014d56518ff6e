import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isExactDate } from "../../src/simplestreams/exact-date.ts";

describe("a date that every client reads", () => {
  it.each([
    "2026-11-24T10:11:12Z",
    "2026-11-24T10:11:12.123456789Z",
    "0001-01-01T00:00:00Z",
    "2024-02-29T23:59:59Z",
  ])("%s", (text) => expect(isExactDate(text)).toBe(true));

  it.each([
    "",
    "2026-02-30T10:00:00Z",
    "2026-11-24T24:00:00Z",
    "2026-11-24",
    "2026-11-24T10:11:12+01:00",
    "2026-13-01T00:00:00Z",
    "2025-02-29T00:00:00Z",
  ])("is not %j", (text) => expect(isExactDate(text)).toBe(false));

  it("is whatever a date is written as here", () => {
    const years = {
      min: new Date("0001-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59Z"),
      noInvalidDate: true,
    };
    fc.assert(fc.property(fc.date(years), (date) => isExactDate(date.toISOString())));
  });
});

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareVersions,
  isVisibleVersion,
  nextFreeVersion,
  parseVersionName,
  versionDate,
  versionName,
} from "../../src/simplestreams/index.ts";

const minute = fc
  .date({ min: new Date("1000-01-01T00:00:00Z"), max: new Date("9999-12-30T00:00:00Z"), noInvalidDate: true })
  .map((date) => new Date(Math.floor(date.getTime() / 60_000) * 60_000));

describe("a version name", () => {
  test("is the minute, in UTC, and reads back as that minute", () => {
    expect(versionName(new Date("2026-01-02T03:04:59+02:00"))).toBe("20260102_0104");
    fc.assert(
      fc.property(minute, (date) => {
        expect(parseVersionName(versionName(date))).toEqual(date);
        expect(isVisibleVersion(versionName(date))).toBe(true);
      }),
    );
  });

  test("sorts as its date does", () => {
    fc.assert(
      fc.property(minute, minute, (a, b) => {
        expect(Math.sign(compareVersions(versionName(a), versionName(b)))).toBe(
          Math.sign(b.getTime() - a.getTime()),
        );
      }),
    );
  });

  test("takes the next free minute when it is taken, also over the end of a year", () => {
    const date = new Date("2026-12-31T23:58:30Z");
    expect(nextFreeVersion([], date)).toBe("20261231_2358");
    expect(nextFreeVersion(["20261231_2358"], date)).toBe("20261231_2359");
    expect(nextFreeVersion(["20261231_2359", "20261231_2358", "x"], date)).toBe("20270101_0000");
  });

  test("is refused for a date outside of four digits", () => {
    expect(() => versionName(new Date(8.64e15))).toThrow("expected a year from 1000 to 9999, got 275760");
    expect(() => versionName(new Date(Number.NaN))).toThrow("got NaN");
  });
});

describe("the date clients take from a version name", () => {
  test.each([
    ["20260102_0304", "2026-01-02T00:00:00Z", "2026-01-02T03:04:00Z"],
    ["20260102", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z"],
    ["20260102_03:04", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z"],
    ["202601020304", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z"],
    ["20260102_2460", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z"],
    ["20260102_0304x", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z"],
    ["20240229.1", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"],
    ["00010203", "0001-02-03T00:00:00Z", "0001-02-03T00:00:00Z"],
  ])("%s: the day for Incus, the minute for newer LXD only in the exact form", (name, day, exact) => {
    expect(versionDate(name, "day")?.getTime()).toBe(Date.parse(day));
    expect(versionDate(name, "minute")?.getTime()).toBe(Date.parse(exact));
  });

  test.each([
    "2026-01-01",
    "v1",
    "1.2.3",
    "20260230_0101",
    "2026010",
    "",
    "20261301",
    "２０２６０１０１",
    " 20260101",
  ])("%j is no date, and nobody lists such a version", (name) => {
    expect(versionDate(name, "day")).toBeUndefined();
    expect(versionDate(name, "minute")).toBeUndefined();
    expect(isVisibleVersion(name)).toBe(false);
  });
});

test("versions are compared as bytes, so a longer number is older than a shorter one", () => {
  expect(["20260101.9", "20260101.10", "20260101"].toSorted(compareVersions)).toEqual([
    "20260101.9",
    "20260101.10",
    "20260101",
  ]);
  // Beyond U+FFFF sorts after U+E000 in UTF-8, before it in UTF-16.
  expect(compareVersions("\u{1F600}", "\uE000")).toBeLessThan(0);
});

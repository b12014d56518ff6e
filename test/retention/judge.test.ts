import { describe, expect, it } from "vitest";
import { type JudgeOptions, judge, retained } from "../../src/retention/judge.ts";
import { NO_PINS } from "../../src/retention/pinned.ts";
import { KEEP_ALL, type RetentionRules } from "../../src/retention/policy.ts";
import type { Listing } from "../../src/simplestreams/listing.ts";
import { parseSelection } from "../../src/simplestreams/selection.ts";
import type { Dates } from "../../src/store/version-dates.ts";
import { buildOf, productsFileOf, versionOf } from "./builds.ts";

const NOW = Date.UTC(2026, 0, 20);
const DAY_MS = 86_400_000;

/** Builds of the product `b`, which is supported until 2026-01-10; every third has a delta from the one before. */
function listingOf(days: readonly number[], product = "b"): Listing {
  const builds = days.map((day) => buildOf("images", { product, day }));
  return new Map([["streams/v1/images.json", productsFileOf(builds)]]);
}

/** Each came on the day of its name. */
function datesOf(days: readonly number[], product = "b"): Dates {
  const at = (day: number) => new Date(Date.UTC(2026, 0, day)).toISOString();
  const entries = days.map((day, index) => {
    const next = days[index + 1];
    const superseded = next === undefined ? {} : { supersededAt: at(next) };
    return [versionOf(day), { appearedAt: at(day), ...superseded }] as const;
  });
  return new Map([[product, new Map(entries)]]);
}

function asked(rules: RetentionRules, more: Partial<JudgeOptions> = {}): JudgeOptions {
  const policy = { ...KEEP_ALL, general: rules };
  return { stream: "images", policy, dates: new Map(), pins: NO_PINS, nowMs: NOW, ...more };
}

/** What becomes of each day's build. */
function verdicts(listing: Listing, options: JudgeOptions): Record<string, string> {
  return Object.fromEntries(
    judge(listing, options).map(({ place, stays, against }) => [
      Number(place.versionName.slice(6, 8)),
      stays ?? `goes: ${against}`,
    ]),
  );
}

describe("a version", () => {
  it("stays without rules, and is not looked at by rules for others", () => {
    expect(verdicts(listingOf([1, 2]), asked({}))).toEqual({ 1: "no rule", 2: "newest" });
    const policy = { ...KEEP_ALL, streams: new Map([["other", { versions: 1 }]]) };
    expect(verdicts(listingOf([1, 2]), asked({}, { policy }))).toEqual({ 1: "no rule", 2: "newest" });
  });

  it("stays when any rule keeps it", () => {
    const days = [1, 7, 14, 19];
    const options = asked({ versions: 2, supersededForMs: 7 * DAY_MS }, { dates: datesOf(days) });
    expect(verdicts(listingOf(days), options)).toEqual({
      1: "goes: rules",
      7: "supersededFor",
      14: "versions",
      19: "newest",
    });
  });

  it("is kept while its product is supported: to the end of that day, and for ever without a date that can be read", () => {
    const rules = asked({ supported: true });
    const last = Date.UTC(2026, 0, 11);
    expect(verdicts(listingOf([1, 2]), { ...rules, nowMs: last - 1 })[1]).toBe("supported");
    expect(verdicts(listingOf([1, 2]), { ...rules, nowMs: last })[1]).toBe("goes: rules");
    expect(verdicts(listingOf([1, 2], "a"), rules)[1]).toBe("supported");
  });

  it("with a name that clients ignore is never taken for the newest", () => {
    const [[path, file] = ["", productsFileOf([])]] = listingOf([1, 2]);
    const product = file.products.get("b");
    const odd = new Map(
      [...(product?.versions ?? [])].map(([name, one]) => [name.endsWith("2_0000") ? "zzz" : name, one]),
    );
    const listing = new Map([[path, { ...file, products: new Map([["b", { ...product, versions: odd }]]) }]]);
    const judged = judge(listing, asked({ versions: 1 }));
    expect(judged.map(({ place, stays }) => [place.versionName, stays])).toEqual([
      [versionOf(1), "newest"],
      ["zzz", undefined],
    ]);
  });

  it("without an image does not push out one that is launched", () => {
    const [[path, file] = ["", productsFileOf([])]] = listingOf([1, 2]);
    const product = file.products.get("b");
    const hollow = new Map(product?.versions).set(versionOf(3), {
      items: new Map([["manifest", { ftype: "manifest", path: "m", sha256: "0".repeat(64), size: 1 }]]),
    });
    const listing = new Map([
      [path, { ...file, products: new Map([["b", { ...product, versions: hollow }]]) }],
    ]);
    expect(verdicts(listing, asked({ versions: 1 }))).toEqual({
      1: "goes: rules",
      2: "newest",
      3: "goes: rules",
    });
  });

  it("that is not here is as old as the first newer one that is: a mirror does not copy again what went for its age", () => {
    const options = asked({ supersededForMs: 7 * DAY_MS }, { dates: datesOf([5, 19]) });
    expect(verdicts(listingOf([1, 5, 19]), options)).toEqual({
      1: "goes: rules",
      5: "supersededFor",
      19: "newest",
    });
  });

  it("is judged by the nearest rules alone", () => {
    const products = [
      { select: parseSelection("os=b stream=images"), text: "os=b stream=images", rules: { versions: 3 } },
    ];
    const policy = {
      ...KEEP_ALL,
      general: { versions: 1 },
      streams: new Map([["up", { versions: 2 }]]),
      products,
    };
    const listing = listingOf([1, 2, 4, 5]);
    const kept = (stream: string) =>
      Object.values(verdicts(listing, asked({}, { policy, stream }))).filter(
        (one) => !one.startsWith("goes"),
      );
    expect([kept("images"), kept("up"), kept("third")].map(({ length }) => length)).toEqual([3, 2, 1]);
  });
});

describe("the size", () => {
  // Metadata of 40 bytes that all share, roots of 101, 102, 104 and 105.
  it("lets go what was superseded first, until the rest has room", () => {
    const days = [1, 2, 4, 5];
    const at = (size: number) => verdicts(listingOf(days), asked({ size }, { dates: datesOf(days) }));
    expect(at(452)).toEqual({ 1: "no rule", 2: "no rule", 4: "no rule", 5: "newest" });
    expect(at(451)).toEqual({ 1: "goes: size", 2: "no rule", 4: "no rule", 5: "newest" });
    expect(at(1)).toEqual({ 1: "goes: size", 2: "goes: size", 4: "goes: size", 5: "newest" });
  });

  it("counts what only a delta needs, and lets it go with that delta", () => {
    const days = [2, 3, 4];
    const at = (size: number) => verdicts(listingOf(days), asked({ size }, { dates: datesOf(days) }));
    // 40 + 102 + 103 + 30 + 104
    expect(at(379)).toEqual({ 2: "no rule", 3: "no rule", 4: "newest" });
    expect(at(378)).toEqual({ 2: "goes: size", 3: "goes: size", 4: "newest" });
  });
});

describe("a delta", () => {
  it("keeps its base, whose own deltas go, so that chains end", () => {
    const days = [2, 3, 4, 5, 6];
    const listing = listingOf(days);
    const judged = judge(listing, asked({ versions: 1 }));
    expect(judged.map(({ stays }) => stays)).toEqual([
      "newest",
      "delta base",
      undefined,
      undefined,
      undefined,
    ]);
    const { listing: left } = retained(listing, judged);
    const [file] = left.values();
    expect(
      [...(file?.products.get("b")?.versions ?? [])].map(([name, { items }]) => [name, items.has("delta")]),
    ).toEqual([
      [versionOf(5), false],
      [versionOf(6), true],
    ]);
  });

  it("goes with a base that is not here, which nobody copies for it", () => {
    const listing = listingOf([5, 6]);
    const judged = judge(listing, asked({ versions: 1 }, { isHere: () => false }));
    const { listing: left, isChanged } = retained(listing, judged);
    const [file] = left.values();
    expect(isChanged).toBe(true);
    expect(
      [...(file?.products.get("b")?.versions ?? [])].map(([name, { items }]) => [name, items.has("delta")]),
    ).toEqual([[versionOf(6), false]]);
  });

  it("stays as it is where nothing goes", () => {
    const listing = listingOf([3, 6]);
    expect(retained(listing, judge(listing, asked({ versions: 2 })))).toEqual({ listing, isChanged: false });
  });
});

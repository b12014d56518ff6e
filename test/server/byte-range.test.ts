import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteRange } from "../../src/server/byte-range.ts";

const TAG = '"abc"';

/** The range by counting: which positions of a file are wanted. */
function model(size: number, first: number | undefined, last: number | undefined): number[] {
  const positions = Array.from({ length: size }, (_, position) => position);
  if (first === undefined) return last === undefined || last === 0 ? [] : positions.slice(-last);
  return positions.filter((position) => position >= first && (last === undefined || position <= last));
}

describe("byteRange", () => {
  it("wants the same bytes as a model that counts them", () => {
    const bound = fc.option(fc.nat({ max: 40 }), { nil: undefined });
    fc.assert(
      fc.property(fc.nat({ max: 30 }), bound, bound, (size, first, last) => {
        fc.pre(first !== undefined || last !== undefined);
        fc.pre(first === undefined || last === undefined || first <= last);
        const wanted = model(size, first, last);
        const range = byteRange(`bytes=${first ?? ""}-${last ?? ""}`, size, undefined, TAG);
        if (wanted.length === 0) expect(range).toEqual({ kind: "unsatisfiable" });
        else expect(range).toEqual({ kind: "part", start: wanted[0], end: (wanted.at(-1) ?? 0) + 1 });
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    undefined,
    "bytes=-",
    "bytes=5-3",
    "bytes=0-1,3-4",
    "bytes=a-b",
    "bytes=1",
    "items=0-1",
    "bytes 0-1",
    "bytes=0x1-2",
    "bytes=--1",
    "",
  ])("sends everything for %j", (header) => {
    expect(byteRange(header, 10, undefined, TAG)).toEqual({ kind: "whole" });
  });

  it("bears absurd numbers", () => {
    const huge = "9".repeat(400);
    expect(byteRange(`bytes=${huge}-`, 10, undefined, TAG)).toEqual({ kind: "unsatisfiable" });
    expect(byteRange(`bytes=3-${huge}`, 10, undefined, TAG)).toEqual({ kind: "part", start: 3, end: 10 });
    expect(byteRange(`bytes=-${huge}`, 10, undefined, TAG)).toEqual({ kind: "part", start: 0, end: 10 });
  });

  it("asks If-Range for exactly this tag", () => {
    expect(byteRange("bytes=0-1", 10, TAG, TAG).kind).toBe("part");
    for (const other of ['"abd"', `W/${TAG}`, "Wed, 21 Oct 2015 07:28:00 GMT", ""]) {
      expect(byteRange("bytes=0-1", 10, other, TAG).kind).toBe("whole");
    }
  });
});

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  contains,
  count,
  intersection,
  type Keeps,
  numbersOf,
  withNumber,
  without,
} from "../../src/store/keeps.ts";

const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 60 }));

function keepsOf(members: readonly number[]): Keeps {
  return members.reduce<Keeps>((keeps, number) => withNumber(keeps, number), []);
}

function sorted(members: Iterable<number>): number[] {
  return Array.from(members).toSorted((a, b) => a - b);
}

describe("ranges of kept generations", () => {
  it("hold what was put in, in order, with the fewest ranges", () => {
    fc.assert(
      fc.property(numbers, (members) => {
        const keeps = keepsOf(members);
        expect(Array.from(numbersOf(keeps))).toEqual(sorted(members));
        expect(count(keeps)).toBe(members.length);
        for (const [index, [from, to]] of keeps.entries()) {
          expect(from).toBeLessThanOrEqual(to);
          const before = keeps[index - 1];
          if (before !== undefined) expect(from).toBeGreaterThan(before[1] + 1);
        }
      }),
    );
  });

  it("know what they contain", () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 0, max: 61 }), (members, number) => {
        expect(contains(keepsOf(members), number)).toBe(members.includes(number));
      }),
    );
  });

  it("lose exactly what is dropped", () => {
    fc.assert(
      fc.property(numbers, numbers, (members, dropped) => {
        const left = without(keepsOf(members), (number) => dropped.includes(number));
        expect(left).toEqual(keepsOf(members.filter((number) => !dropped.includes(number))));
      }),
    );
  });

  it("meet in what both have", () => {
    fc.assert(
      fc.property(numbers, numbers, (one, other) => {
        expect(intersection(keepsOf(one), keepsOf(other))).toEqual(
          keepsOf(one.filter((number) => other.includes(number))),
        );
      }),
    );
  });
});

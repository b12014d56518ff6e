import type { GenerationRange } from "./generation.ts";

/** Arithmetic on `keeps`: sets of generation numbers as closed ranges, ascending, never touching each other. */
export type Keeps = readonly GenerationRange[];

export function contains(keeps: Keeps, number: number): boolean {
  return keeps.some(([from, to]) => from <= number && number <= to);
}

export function withNumber(keeps: Keeps, number: number): Keeps {
  return normal([...keeps, [number, number]]);
}

/** Without every number that `drop` says yes to. Asks once per number, oldest first. */
export function without(keeps: Keeps, drop: (number: number) => boolean): Keeps {
  const left: GenerationRange[] = [];
  for (const number of numbersOf(keeps)) if (!drop(number)) left.push([number, number]);
  return normal(left);
}

/** Every number, ascending. */
export function* numbersOf(keeps: Keeps): Generator<number> {
  for (const [from, to] of keeps) for (let number = from; number <= to; number++) yield number;
}

export function count(keeps: Keeps): number {
  return keeps.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

/** What is in both: a writer can ask for less than its parent kept, never for more, since more may be gone. */
export function intersection(left: Keeps, right: Keeps): Keeps {
  const both: GenerationRange[] = [];
  for (const [from, to] of left) {
    for (const [otherFrom, otherTo] of right) {
      const start = Math.max(from, otherFrom);
      const end = Math.min(to, otherTo);
      if (start <= end) both.push([start, end]);
    }
  }
  return normal(both);
}

function normal(ranges: Keeps): Keeps {
  const merged: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

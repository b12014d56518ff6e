import * as fc from "fast-check";
import { expect } from "vitest";
import { History, type Rules, type Step } from "./history.ts";

const build = fc.record({
  product: fc.constantFrom("a", "b", "c"),
  day: fc.integer({ min: 1, max: 12 }),
});
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const someRules = fc.record({
  versions: optional(fc.integer({ min: 1, max: 3 })),
  supersededForMs: optional(fc.integer({ min: 1, max: 60 }).map((hours) => hours * 3_600_000)),
  supported: optional(fc.boolean()),
  size: optional(fc.integer({ min: 100, max: 1200 })),
});
const rules: fc.Arbitrary<Rules> = fc.record({
  general: optional(someRules),
  images: optional(someRules),
  up: optional(someRules),
  a: optional(someRules),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("add" as const), build }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), build }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("sync" as const),
      builds: fc.uniqueArray(build, { maxLength: 8, selector: ({ product, day }) => `${product} ${day}` }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("wait" as const), hours: fc.integer({ min: 1, max: 100 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("rules" as const), rules }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("pin" as const),
      what: fc.constantFrom("version" as const, "image" as const, "alias" as const, "generation" as const),
      build,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("unpin" as const), at: fc.nat(9) }) },
  { weight: 5, arbitrary: fc.constant({ do: "prune" as const }) },
);

/**
 * Publications, removals, syncs with an upstream that drops versions, time, rules, pins and prunes in any order: after each step what is listed
 * and what is on the disk is what an independent account says.
 */
export async function checkRandomHistories(numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25, size: "max" }), async (steps) => {
      const history = new History();
      for (const one of steps) await history.step(one);
      await history.prune();
      const before = (await history.store.newest())?.number;
      await history.prune();
      // What has been done is not done again.
      expect((await history.store.newest())?.number).toBe(before);
    }),
    { numRuns },
  );
}

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { anyName, anyTree } from "./any-tree.ts";
import { expectPrintable, expectSound, expectSoundName, expectStable } from "./sound.ts";

const ROUNDS = 10;
const RUNS = 10_000;
/** Of what is left after a round, compared with the round before the last ones: nothing of a tree is kept. */
const MAX_GROWTH = 64 * 1024 * 1024;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

test("a hundred thousand random trees are explained and printed, and nothing of them stays in memory", async () => {
  const property = fc.asyncProperty(
    anyTree,
    fc.option(anyName, { nil: undefined }),
    fc.nat(4),
    async (tree, name, luck) => {
      expectSound(tree);
      if (name !== undefined) expectSoundName(tree, name);
      if (luck === 0) expectStable(tree);
      if (luck === 1) await expectPrintable(tree, name);
    },
  );
  const heap: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await fc.assert(property, { numRuns: RUNS });
    collect();
    heap.push(process.memoryUsage().heapUsed);
  }
  expect((heap.at(-1) ?? 0) - (heap[1] ?? 0)).toBeLessThan(MAX_GROWTH);
});

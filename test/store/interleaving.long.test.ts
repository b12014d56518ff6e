import * as fc from "fast-check";
import { describe, it } from "vitest";

import { actors, play, scheduleOf } from "./actors.ts";
import { expectWhole } from "./expect-whole.ts";
import { ModelDisk } from "./model-disk.ts";
import { inFolder, inMemory } from "./scenes.ts";

/** As in the quick tests, for as many orders as a few minutes allow. */
describe("writers, prunes and readers in very many orders", () => {
  it("never lose a blob that a kept generation names, in memory", async () => {
    await fc.assert(
      fc.asyncProperty(actors, scheduleOf(8), async (tasks, plan) => {
        await play(tasks, plan, await inMemory());
      }),
      { numRuns: 20_000 },
    );
  });

  it("never lose a blob that a kept generation names, in a folder, call by call", async () => {
    await fc.assert(
      fc.asyncProperty(actors, scheduleOf(60), async (tasks, plan) => {
        await play(tasks, plan, await inFolder());
      }),
      { numRuns: 3000 },
    );
  });

  it("lose nothing that was acknowledged in a power cut", async () => {
    const stops = fc.integer({ min: 1, max: 2500 });
    const fates = fc.infiniteStream(fc.boolean());
    await fc.assert(
      fc.asyncProperty(actors, scheduleOf(60), stops, fates, async (tasks, plan, stopAt, fate) => {
        const disk = new ModelDisk();
        const { acknowledged } = await play(tasks, plan, { ...(await inFolder(disk)), stopAt });
        await expectWhole(
          disk.afterPowerCut(() => fate.next().value),
          acknowledged,
        );
      }),
      { numRuns: 6000 },
    );
  });
});

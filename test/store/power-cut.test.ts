import * as fc from "fast-check";
import { describe, it } from "vitest";

import { actors, play, scheduleOf } from "./actors.ts";
import { expectWhole } from "./expect-whole.ts";
import { ModelDisk } from "./model-disk.ts";
import { inFolder } from "./scenes.ts";

const schedule = scheduleOf(60);
const stops = fc.integer({ min: 1, max: 1500 });

describe("a machine that stops at any call to the disk", () => {
  it("loses nothing that was acknowledged when all processes are killed", async () => {
    await fc.assert(
      fc.asyncProperty(actors, schedule, stops, async (tasks, plan, stopAt) => {
        const disk = new ModelDisk();
        const { acknowledged } = await play(tasks, plan, { ...(await inFolder(disk)), stopAt });
        await expectWhole(disk, acknowledged);
      }),
      { numRuns: 60 },
    );
  });

  it("loses nothing that was acknowledged when the power fails, whatever was not synced", async () => {
    const fates = fc.infiniteStream(fc.boolean());
    await fc.assert(
      fc.asyncProperty(actors, schedule, stops, fates, async (tasks, plan, stopAt, fate) => {
        const disk = new ModelDisk();
        const { acknowledged } = await play(tasks, plan, { ...(await inFolder(disk)), stopAt });
        const survivor = disk.afterPowerCut(() => fate.next().value);
        await expectWhole(survivor, acknowledged);
      }),
      { numRuns: 100 },
    );
  });
});

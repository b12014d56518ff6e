import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { numbersOf } from "../../src/store/keeps.ts";
import { namedBlobs } from "../../src/store/named-blobs.ts";
import type { Store } from "../../src/store/store.ts";
import { contentOf } from "../contract/store.ts";
import { actors, play, scheduleOf } from "./actors.ts";
import { ModelDisk } from "./model-disk.ts";
import { stepped } from "./steps.ts";
import { addText, hashOf, listedBy } from "./tiny-images.ts";

async function opened(disk: ModelDisk): Promise<Store> {
  return openDirectoryStore("/data", { create: true, disk, runsAsRoot: false });
}

/** Promise 4: what is there afterwards is whole, and the next start needs no repair. */
async function expectWhole(disk: ModelDisk, acknowledged: number): Promise<void> {
  const store = await opened(disk);
  const newest = await store.newest();
  expect(newest?.number ?? 0).toBeGreaterThanOrEqual(acknowledged);
  if (newest !== undefined) {
    for (const number of [...numbersOf(newest.keeps), newest.number]) {
      const generation = await store.generation(number);
      if (generation === undefined) throw new Error(`generation ${number} is kept, and gone`);
      for (const sha256 of await namedBlobs(store, [generation])) {
        const bytes = await contentOf(store, sha256);
        if (bytes === undefined) throw new Error(`generation ${number} is kept, and its ${sha256} is gone`);
        expect(hashOf(Buffer.from(bytes).toString())).toBe(sha256);
      }
    }
  }
  await addText(store, "afterwards");
  expect(await listedBy(store, await store.newest())).toContain(hashOf("afterwards"));
}

const schedule = scheduleOf(60);
const stops = fc.integer({ min: 1, max: 1500 });

describe("a machine that stops at any call to the disk", () => {
  it("loses nothing that was acknowledged when all processes are killed", async () => {
    await fc.assert(
      fc.asyncProperty(actors, schedule, stops, async (tasks, plan, stopAt) => {
        const disk = new ModelDisk();
        const storeOf = async (turn: () => Promise<void>): Promise<Store> =>
          openDirectoryStore("/data", { disk: stepped(disk, turn), runsAsRoot: false });
        const { acknowledged } = await play(tasks, plan, { observer: await opened(disk), storeOf, stopAt });
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
        const storeOf = async (turn: () => Promise<void>): Promise<Store> =>
          openDirectoryStore("/data", { disk: stepped(disk, turn), runsAsRoot: false });
        const { acknowledged } = await play(tasks, plan, { observer: await opened(disk), storeOf, stopAt });
        const survivor = disk.afterPowerCut(() => fate.next().value);
        await expectWhole(survivor, acknowledged);
      }),
      { numRuns: 100 },
    );
  });
});

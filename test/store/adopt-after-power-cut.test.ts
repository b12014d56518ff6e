import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { openDirectoryStore } from "../../src/store/directory/open.ts";
import type { Store } from "../../src/store/store.ts";
import { contentOf } from "../contract/store.ts";
import { ModelDisk } from "./model-disk.ts";
import { createSteps, stepped } from "./steps.ts";
import { hashOf } from "./tiny-images.ts";

const JOB = "sync-debian";
const TEXTS = ["first", "second", "third"];

function openOn(disk: ModelDisk): Promise<Store> {
  return openDirectoryStore("/data", { create: true, disk, runsAsRoot: false });
}

/** Takes over, stages one more text, and begins another. */
async function sync(store: Store, text: string): Promise<void> {
  const writer = await store.writer(JOB, { adopts: true });
  const sink = await writer.create(hashOf(text));
  await sink.write(Buffer.from(text));
  await sink.commit({ sha256: hashOf(text), size: text.length });
  const unfinished = await writer.create(hashOf("never whole"));
  await unfinished.write(Buffer.from("never"));
}

describe("a sync whose machine stops at any call to the disk, again and again", () => {
  it("hands on only bytes that are what their name says, and never takes a part for the whole", async () => {
    const stops = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 3, maxLength: 3 });
    const fates = fc.infiniteStream(fc.boolean());
    let handedOn = 0;
    await fc.assert(
      fc.asyncProperty(stops, fates, async (stopAts, fate) => {
        let disk = new ModelDisk();
        await openOn(disk);
        for (const [index, stopAt] of stopAts.entries()) {
          const steps = createSteps();
          const playing = disk;
          steps.start("sync", async () => {
            const store = await openOn(stepped(playing, () => steps.turn("sync")));
            await sync(store, TEXTS[index] ?? "");
          });
          let step = 0;
          await steps.run(
            ([waiting]) => ((step += 1) > stopAt ? undefined : waiting),
            async () => undefined,
          );
          disk = disk.afterPowerCut(() => fate.next().value);
        }
        const store = await openOn(disk);
        const writer = await store.writer(JOB, { adopts: true });
        expect(writer.has(hashOf("never whole"))).toBe(false);
        for (const text of TEXTS) {
          if (!writer.has(hashOf(text))) continue;
          handedOn += 1;
          await writer.place([hashOf(text)]);
          expect(Buffer.from((await contentOf(store, hashOf(text))) ?? []).toString()).toBe(text);
        }
      }),
      { numRuns: 100 },
    );
    expect(handedOn).toBeGreaterThan(0);
  });
});

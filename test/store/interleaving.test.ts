import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { numbersOf } from "../../src/store/keeps.ts";
import { namedBlobs } from "../../src/store/named-blobs.ts";
import { prune } from "../../src/store/prune.ts";
import type { Store } from "../../src/store/store.ts";
import { actors, play, pruneTask, scheduleOf, type Task } from "./actors.ts";
import { inFolder, inMemory } from "./scenes.ts";
import { hashOf, listedBy } from "./tiny-images.ts";

const kinds = [
  { name: "in memory", makeScene: inMemory, unit: 8, runs: 600 },
  { name: "in a folder, call by call", makeScene: inFolder, unit: 60, runs: 100 },
];

describe.each(kinds)("writers, prunes and readers in any order, $name", ({ makeScene, unit, runs }) => {
  const schedule = scheduleOf(unit);

  it("never lose a blob that a kept generation names", async () => {
    await fc.assert(
      fc.asyncProperty(actors, schedule, async (tasks, plan) => {
        await play(tasks, plan, await makeScene());
      }),
      { numRuns: runs },
    );
  });

  it("lose nothing that was acknowledged: every image added and never removed is listed at the end", async () => {
    const add = fc.record({ kind: fc.constant("add" as const), text: fc.constantFrom("d", "e", "f", "g") });
    const adders = fc.array(fc.array(add, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });
    const prunes = fc.array(pruneTask, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(adders, prunes, schedule, async (adders, pruner, plan) => {
        const { observer } = await play([...adders, pruner], plan, await makeScene());
        const listed = await listedBy(observer, await observer.newest());
        expect(new Set(listed)).toEqual(new Set(adders.flat().map((task) => hashOf(task.text))));
      }),
      { numRuns: runs / 5 },
    );
  });

  it("leave no garbage behind two prunes", async () => {
    await fc.assert(
      fc.asyncProperty(actors, schedule, async (tasks, plan) => {
        const { observer, clock } = await play(tasks, plan, await makeScene());
        await prune(observer, { now: clock + 10_000, graceMs: 0, freeNow: true });
        const newest = await observer.newest();
        if (newest === undefined) return;
        expect(await observer.liveBlobs()).toEqual(await namedBlobs(observer, [newest]));
        expect(await observer.retiredBlobs()).toEqual([]);
      }),
      { numRuns: runs / 5 },
    );
  });
});

describe.each(kinds)("somebody who falls asleep at any step, $name", ({ makeScene, unit }) => {
  const sleepers: Task[][] = [
    [{ kind: "add", text: "a" }],
    [{ kind: "remove", text: "b" }],
    [{ kind: "prune", graceMs: 0, freeNow: true }],
    [{ kind: "read" }],
  ];
  /** Lists and unlists the sleeper's own bytes, and prunes without any grace. */
  const others: Task[] = [
    { kind: "add", text: "a" },
    { kind: "remove", text: "a" },
    { kind: "prune", graceMs: 0, freeNow: true },
    { kind: "add", text: "c" },
    { kind: "prune", graceMs: 0, freeNow: true },
  ];

  it.each(sleepers)("and wakes up after the others have published and pruned: $kind", async (task) => {
    const before: Task[] = [
      { kind: "add", text: "b" },
      { kind: "add", text: "d" },
      { kind: "remove", text: "d" },
    ];
    for (let step = 1; step <= unit * 3; step += Math.ceil(unit / 10)) {
      const scene = await makeScene();
      await play([before], [], scene);
      const { observer } = await play(
        [[task], others],
        [
          [0, step],
          [1, 10_000],
        ],
        scene,
      );
      const listed = await listedBy(observer, await observer.newest());
      const wanted = task.kind === "add" ? ["a", "b", "c"] : task.kind === "remove" ? ["c"] : ["b", "c"];
      // Who had published before falling asleep was acknowledged; what came after may undo it.
      const undone = task.kind === "add" && !listed.includes(hashOf("a")) ? ["b", "c"] : wanted;
      expect(new Set(listed)).toEqual(new Set(undone.map(hashOf)));
    }
  });
});

/** What a prune must not do: look, and then delete what nobody named a moment ago. */
const hasty: typeof prune = async (store: Store) => {
  const none = { blobs: 0, bytes: 0 };
  const report = { published: undefined, dropped: [], retired: none, restored: none, deleted: none };
  const base = await store.newest();
  if (base !== undefined) {
    const kept = [base];
    for (const number of numbersOf(base.keeps)) kept.push((await store.generation(number)) ?? base);
    const named = await namedBlobs(store, kept);
    for (const sha256 of await store.liveBlobs()) {
      if (named.has(sha256)) continue;
      await store.retire(sha256, base.number);
      await store.deleteRetired({ sha256, size: 1, atGeneration: base.number });
    }
  }
  return { ...report, abandoned: { writers: 0, bytes: 0 } };
};

describe("the test itself", () => {
  it("notices a prune that moves before it publishes", async () => {
    const search = fc.assert(
      fc.asyncProperty(actors, scheduleOf(8), async (tasks, plan) => {
        await play(tasks, plan, { ...(await inMemory()), prune: hasty });
      }),
      { numRuns: 3000 },
    );
    await expect(search).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/is gone|bytes are not in/) },
    });
  });
});

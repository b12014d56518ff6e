import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { changeHeld } from "../../src/store/hold.ts";
import { numbersOf } from "../../src/store/keeps.ts";
import { namedBlobs } from "../../src/store/named-blobs.ts";
import { prune } from "../../src/store/prune.ts";
import type { Store } from "../../src/store/store.ts";
import { pruneTask, type Scene, type Schedule, scheduleOf } from "./actors.ts";
import { inFolder, inMemory } from "./scenes.ts";
import { createSteps } from "./steps.ts";
import { publishStreams, type TinyStream } from "./tiny-caches.ts";
import { hashOf } from "./tiny-images.ts";

type Task =
  | { readonly kind: "fill" | "evict"; readonly text: string }
  | { readonly kind: "prune"; readonly graceMs: number; readonly freeNow: boolean };

const text = fc.constantFrom("a", "b", "c");
const task: fc.Arbitrary<Task> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("fill" as const), text }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("evict" as const), text }) },
  { weight: 3, arbitrary: pruneTask },
);
const actors = fc.array(fc.array(task, { minLength: 2, maxLength: 5, size: "max" }), {
  minLength: 2,
  maxLength: 4,
  size: "max",
});

/** What an own image stream has too must survive all evicting. */
const beginning: readonly TinyStream[] = [
  { name: "images", origin: "own", lists: ["a"] },
  { name: "debian", origin: "cache", lists: ["a", "b", "c"], holds: ["a", "b"] },
];

async function perform(store: Store, task: Task, now: number): Promise<void> {
  if (task.kind === "prune") {
    await prune(store, { now, graceMs: task.graceMs, freeNow: task.freeNow });
    return;
  }
  const writer = await store.writer(task.kind);
  const change = { stream: "debian", reason: { verb: task.kind, text: task.text } };
  if (task.kind === "fill") {
    const { sha256 } = await writer.put(Buffer.from(task.text));
    await changeHeld(store, writer, { ...change, add: [sha256] });
  } else {
    await changeHeld(store, writer, { ...change, remove: [hashOf(task.text)] });
  }
  await writer.close();
}

/** Every blob that the kept generations name together is there. */
async function expectHeld(store: Store): Promise<void> {
  const newest = await store.newest();
  if (newest === undefined) return;
  const kept = [newest];
  for (const number of [...numbersOf(newest.keeps)].toReversed()) {
    const generation = await store.generation(number);
    if (generation !== undefined) kept.push(generation);
  }
  for (const sha256 of await namedBlobs(store, kept)) {
    if ((await store.sizeOf(sha256)) === undefined) throw new Error(`${sha256} is named, and gone`);
  }
}

async function play(tasks: readonly (readonly Task[])[], plan: Schedule, scene: Scene): Promise<Store> {
  const steps = createSteps();
  const { observer } = scene;
  await publishStreams(observer, beginning);
  let clock = Date.now();
  tasks.forEach((list, index) => {
    const name = `actor ${index}`;
    steps.start(name, async () => {
      const store = await scene.storeOf(() => steps.turn(name));
      for (const task of list) await perform(store, task, clock);
    });
  });
  const turns = plan.flatMap(([actor, times]) => Array.from({ length: times }, () => `actor ${actor}`));
  turns.reverse();
  const choose = (waiting: readonly string[]): string | undefined => {
    for (let next = turns.pop(); next !== undefined; next = turns.pop())
      if (waiting.includes(next)) return next;
    return waiting[0];
  };
  await steps.run(choose, async () => {
    clock += 1;
    await expectHeld(observer);
  });
  return observer;
}

const kinds = [
  { name: "in memory", makeScene: inMemory, unit: 8, runs: 200 },
  { name: "in a folder, call by call", makeScene: inFolder, unit: 60, runs: 25 },
];

describe.each(kinds)("fills, evictions and prunes in any order, $name", ({ makeScene, unit, runs }) => {
  it("never lose a blob that is held, and free what nobody holds", async () => {
    await fc.assert(
      fc.asyncProperty(actors, scheduleOf(unit), async (tasks, plan) => {
        const store = await play(tasks, plan, await makeScene());
        const later = Date.now() + 1e9;
        await prune(store, { now: later, graceMs: 0, freeNow: true });
        const newest = await store.newest();
        if (newest === undefined) throw new Error("nothing is published");
        const named = await namedBlobs(store, [newest]);
        expect(named.has(hashOf("a"))).toBe(true);
        expect(await store.liveBlobs()).toEqual(named);
      }),
      { numRuns: runs },
    );
  });
});

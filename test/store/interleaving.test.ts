import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { HeadwaterError } from "../../src/error.ts";
import type { CommitOptions } from "../../src/store/commit.ts";
import { contains, numbersOf } from "../../src/store/keeps.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { namedBlobs } from "../../src/store/named-blobs.ts";
import { prune, purge } from "../../src/store/prune.ts";
import type { Sha256, Store } from "../../src/store/store.ts";
import { createSteps, type Steps, stepped } from "./steps.ts";
import { addText, hashOf, listedBy, removeText, rollBack } from "./tiny-images.ts";

/**
 * Promise 1: every blob that a kept generation names can be read, at every moment. Writers, prunes and readers run at the
 * same time and fast-check decides who makes each step, with long sleeps: an actor's next step may come after everybody
 * else has finished.
 */

type Task =
  | { readonly kind: "add" | "remove"; readonly text: string }
  | { readonly kind: "prune"; readonly graceMs: number; readonly freeNow: boolean }
  | { readonly kind: "purge"; readonly text: string }
  | { readonly kind: "rollback"; readonly number: number }
  | { readonly kind: "read" };

const text = fc.constantFrom("a", "b", "c");
const task: fc.Arbitrary<Task> = fc.oneof(
  fc.record({ kind: fc.constantFrom("add" as const, "remove" as const), text }),
  fc.record({
    kind: fc.constant("prune" as const),
    graceMs: fc.constantFrom(0, 3, 40),
    freeNow: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("rollback" as const), number: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ kind: fc.constant("purge" as const), text }),
  fc.record({ kind: fc.constant("read" as const) }),
);
/** Each actor does its tasks one after another. */
const actors = fc.array(fc.array(task, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 5 });
/** Who goes on, and for how many steps in a row. */
const schedule = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.constantFrom(1, 1, 2, 3, 5, 9, 20, 60)), {
  minLength: 20,
  maxLength: 60,
});

/** What a run of actors leaves, for statistics and for the checks at the end. */
interface World {
  readonly store: Store;
  readonly steps: Steps;
  /** Every blob that a generation named when it was published. */
  readonly named: Map<number, ReadonlySet<Sha256>>;
  readonly prune: typeof prune;
  clock: number;
}

async function perform(world: World, task: Task, actor: string): Promise<void> {
  const store = stepped(world.store, () => world.steps.turn(actor), ["has"]);
  const now = (): number => world.clock;
  const options: CommitOptions = { now, wait: async () => undefined };
  switch (task.kind) {
    case "add":
      await addText(store, task.text, options);
      return;
    case "remove":
      await removeText(store, task.text, options);
      return;
    case "prune":
      await world.prune(store, { now: world.clock, graceMs: task.graceMs, freeNow: task.freeNow });
      return;
    case "purge":
      await removeText(store, task.text, options);
      await purge(store, [hashOf(task.text)], { now: world.clock });
      return;
    case "rollback":
      await rollBack(store, task.number, options);
      return;
    case "read":
      await readNewest(store, world);
      return;
  }
}

/** A client that reads the newest generation's files, slowly: each must be there as long as the generation is kept. */
async function readNewest(store: Store, world: World): Promise<void> {
  const newest = await store.newest();
  if (newest === undefined) return;
  for (const sha256 of world.named.get(newest.number) ?? []) {
    const reader = await store.open(sha256);
    if (reader === undefined) {
      expect(await isKept(world.store, newest.number)).toBe(false);
      return;
    }
    const bytes = Buffer.alloc(reader.size);
    await reader.read(bytes, 0);
    expect(hashOf(bytes.toString())).toBe(sha256);
  }
}

async function isKept(store: Store, number: number): Promise<boolean> {
  const newest = await store.newest();
  return newest !== undefined && (newest.number === number || contains(newest.keeps, number));
}

async function holdsPromise(world: World): Promise<void> {
  const { store, named } = world;
  world.clock += 1;
  const newest = await store.newest();
  if (newest === undefined) return;
  for (let number = newest.number; number > 0 && !named.has(number); number--) {
    const generation = await store.generation(number);
    if (generation !== undefined) named.set(number, await namedBlobs(store, [generation]));
  }
  for (const [number, blobs] of named) {
    if (number !== newest.number && !contains(newest.keeps, number)) continue;
    for (const sha256 of blobs) {
      if ((await store.sizeOf(sha256)) !== undefined) continue;
      throw new Error(`Generation ${number} is kept, and its blob ${sha256} is gone.`);
    }
  }
}

/** An actor may fail, cleanly: the leaked bytes it counted on are gone for good. */
const cleanly = new Set(["BLOB_MISSING"]);

async function play(
  tasks: readonly (readonly Task[])[],
  plan: readonly (readonly [number, number])[],
  pruning = prune,
): Promise<World> {
  const steps = createSteps();
  const world: World = { store: createMemoryStore(), steps, named: new Map(), prune: pruning, clock: 1000 };
  tasks.forEach((list, index) => {
    steps.start(`actor ${index}`, async () => {
      for (const task of list) {
        await steps.turn(`actor ${index}`);
        await perform(world, task, `actor ${index}`).catch((error: unknown) => {
          if (!(error instanceof HeadwaterError && cleanly.has(error.code))) throw error;
        });
      }
    });
  });
  await steps.run(chooser(plan), () => holdsPromise(world));
  return world;
}

/** Follows the plan, and then lets everybody finish, one after another. */
function chooser(
  plan: readonly (readonly [number, number])[],
): (waiting: readonly string[]) => string | undefined {
  const turns = plan
    .flatMap(([actor, steps]) => Array.from({ length: steps }, () => `actor ${actor}`))
    .reverse();
  return (waiting) => {
    for (let next = turns.pop(); next !== undefined; next = turns.pop())
      if (waiting.includes(next)) return next;
    return waiting[0];
  };
}

describe("writers, prunes and readers in any order", () => {
  it("never lose a blob that a kept generation names", async () => {
    await fc.assert(
      fc.asyncProperty(actors, schedule, async (tasks, plan) => {
        await play(tasks, plan);
      }),
      { numRuns: 1500 },
    );
  });

  it("lose nothing that was acknowledged: every image added and never removed is listed at the end", async () => {
    const add = fc.record({ kind: fc.constant("add" as const), text: fc.constantFrom("d", "e", "f", "g") });
    const keepers = fc.array(fc.array(add, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });
    const prunes = fc.array(
      fc.record({
        kind: fc.constant("prune" as const),
        graceMs: fc.constantFrom(0, 3),
        freeNow: fc.boolean(),
      }),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(keepers, prunes, schedule, async (adders, pruner, plan) => {
        const { store } = await play([...adders, pruner], plan);
        const listed = await listedBy(store, await store.newest());
        const wanted = new Set(adders.flat().map((task) => hashOf(task.text)));
        expect(new Set(listed)).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });

  it("leave no garbage behind two prunes", async () => {
    await fc.assert(
      fc.asyncProperty(actors, schedule, async (tasks, plan) => {
        const { store, clock } = await play(tasks, plan);
        await prune(store, { now: clock + 10_000, graceMs: 0, freeNow: true });
        const newest = await store.newest();
        const named = newest === undefined ? new Set() : await namedBlobs(store, [newest]);
        if (newest !== undefined) expect(await store.liveBlobs()).toEqual(named);
        if (newest !== undefined) expect(await store.retiredBlobs()).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

/** What a prune must not do: look, and then delete what nobody named a moment ago. */
const hasty: typeof prune = async (store) => {
  const base = await store.newest();
  const report = { published: undefined, dropped: [], retired: none, restored: none, deleted: none };
  if (base === undefined) return { ...report, abandoned: { writers: 0, bytes: 0 } };
  const kept = [base];
  for (const number of numbersOf(base.keeps)) kept.push((await store.generation(number)) ?? base);
  const named = await namedBlobs(store, kept);
  for (const sha256 of await store.liveBlobs()) {
    if (named.has(sha256)) continue;
    await store.retire(sha256, base.number);
    await store.deleteRetired({ sha256, size: 1, atGeneration: base.number });
  }
  return { ...report, abandoned: { writers: 0, bytes: 0 } };
};
const none = { blobs: 0, bytes: 0 };

describe("the interleaving test", () => {
  it("notices a prune that moves before it publishes", async () => {
    await expect(
      fc.assert(
        fc.asyncProperty(actors, schedule, async (tasks, plan) => {
          await play(tasks, plan, hasty);
        }),
        { numRuns: 2000 },
      ),
    ).rejects.toMatchObject({ cause: { message: expect.stringMatching(/is gone/) } });
  });
});

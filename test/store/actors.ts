import * as fc from "fast-check";
import { expect } from "vitest";

import { HeadwaterError } from "../../src/error.ts";
import type { CommitOptions } from "../../src/store/commit.ts";
import { contains } from "../../src/store/keeps.ts";
import { namedBlobs } from "../../src/store/named-blobs.ts";
import { prune, purge } from "../../src/store/prune.ts";
import type { Sha256, Store } from "../../src/store/store.ts";
import { createSteps, type Steps } from "./steps.ts";
import { addText, hashOf, removeText, rollBack } from "./tiny-images.ts";

/** Writers, prunes and readers that work on one store at the same time, and what must be true whatever they do. */

export type Task =
  | { readonly kind: "add" | "remove"; readonly text: string }
  | { readonly kind: "prune"; readonly graceMs: number; readonly freeNow: boolean }
  | { readonly kind: "purge"; readonly text: string }
  | { readonly kind: "rollback"; readonly number: number }
  | { readonly kind: "read" };

const text = fc.constantFrom("a", "b", "c");

export const pruneTask = fc.record({
  kind: fc.constant("prune" as const),
  graceMs: fc.constantFrom(0, 3, 40),
  freeNow: fc.boolean(),
});

const task: fc.Arbitrary<Task> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("add" as const), text }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), text }) },
  { weight: 4, arbitrary: pruneTask },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("rollback" as const), number: fc.integer({ min: 1, max: 8 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("purge" as const), text }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("read" as const) }) },
);

/** Each actor does its tasks one after another. */
export const actors = fc.array(fc.array(task, { minLength: 2, maxLength: 5, size: "max" }), {
  minLength: 3,
  maxLength: 5,
  size: "max",
});

/** Who goes on, and for how many steps in a row: `unit` is about what a small task takes. */
export function scheduleOf(unit: number): fc.Arbitrary<Schedule> {
  const burst = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: unit * 2 }));
  return fc.array(fc.tuple(fc.nat({ max: 4 }), burst), { minLength: 20, maxLength: 60, size: "max" });
}

export type Schedule = readonly (readonly [actor: number, steps: number])[];

export interface Scene {
  /** The store as this actor's process sees it, taking turns. */
  readonly storeOf: (turn: () => Promise<void>) => Promise<Store>;
  /** The same store, without turns. */
  readonly observer: Store;
  readonly prune?: typeof prune;
  /** Everything stops for ever at this step. */
  readonly stopAt?: number;
}

export interface World {
  readonly observer: Store;
  /** Every blob that a generation named when it was published. */
  readonly named: Map<number, ReadonlySet<Sha256>>;
  /** The highest number that a writer was told is published. */
  acknowledged: number;
  /** What these writers were told is listed; only of use when nobody removes anything. */
  readonly added: Set<Sha256>;
  clock: number;
}

/** An actor may fail, cleanly: the leaked bytes it counted on are gone for good. */
const clean = new Set(["BLOB_MISSING"]);

/** Runs everybody to the end, looking at the promise after every step. */
export async function play(
  tasks: readonly (readonly Task[])[],
  plan: Schedule,
  scene: Scene,
): Promise<World> {
  const steps = createSteps();
  const { observer } = scene;
  const world: World = { observer, named: new Map(), acknowledged: 0, added: new Set(), clock: 1000 };
  tasks.forEach((list, index) => {
    const name = `actor ${index}`;
    steps.start(name, async () => {
      const store = await scene.storeOf(() => steps.turn(name));
      for (const task of list) {
        await steps.turn(name);
        await perform(world, { task, store, pruning: scene.prune ?? prune }).catch((error: unknown) => {
          if (!(error instanceof HeadwaterError && clean.has(error.code))) throw error;
        });
      }
    });
  });
  await run(steps, plan, { world, stopAt: scene.stopAt ?? Number.POSITIVE_INFINITY });
  return world;
}

/** Follows the plan, and then lets everybody finish, one after another. */
async function run(
  steps: Steps,
  plan: Schedule,
  { world, stopAt }: { readonly world: World; readonly stopAt: number },
): Promise<void> {
  const turns = plan
    .flatMap(([actor, times]) => Array.from({ length: times }, () => `actor ${actor}`))
    .reverse();
  let step = 0;
  const choose = (waiting: readonly string[]): string | undefined => {
    step += 1;
    if (step > stopAt) return undefined;
    for (let next = turns.pop(); next !== undefined; next = turns.pop())
      if (waiting.includes(next)) return next;
    return waiting[0];
  };
  await steps.run(choose, () => holdsPromise(world));
}

interface Act {
  readonly task: Task;
  readonly store: Store;
  readonly pruning: typeof prune;
}

async function perform(world: World, { task, store, pruning }: Act): Promise<void> {
  const options: CommitOptions = { now: () => world.clock, wait: async () => undefined };
  const published = (number: number | undefined): void => {
    world.acknowledged = Math.max(world.acknowledged, number ?? 0);
  };
  switch (task.kind) {
    case "add":
      published((await addText(store, task.text, options))?.number);
      world.added.add(hashOf(task.text));
      return;
    case "remove":
      published((await removeText(store, task.text, options))?.number);
      return;
    case "prune":
      published(
        (await pruning(store, { now: world.clock, graceMs: task.graceMs, freeNow: task.freeNow })).published,
      );
      return;
    case "purge":
      await removeText(store, task.text, options);
      await purge(store, [hashOf(task.text)], { now: world.clock });
      return;
    case "rollback":
      published((await rollBack(store, task.number, options))?.number);
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
      if (await isKept(world.observer, newest.number)) throw new Error(`${sha256} is gone for a reader`);
      return;
    }
    const bytes = Buffer.alloc(reader.size);
    await reader.read(bytes, 0);
    await reader.close();
    expect(hashOf(bytes.toString())).toBe(sha256);
  }
}

async function isKept(store: Store, number: number): Promise<boolean> {
  const newest = await store.newest();
  return newest !== undefined && (newest.number === number || contains(newest.keeps, number));
}

/** Promise 1: every blob that a kept generation names can be read, at every moment. */
async function holdsPromise(world: World): Promise<void> {
  const { observer, named } = world;
  world.clock += 1;
  const newest = await observer.newest();
  if (newest === undefined) return;
  for (let number = newest.number; number > 0 && !named.has(number); number--) {
    const generation = await observer.generation(number);
    if (generation !== undefined) named.set(number, await namedBlobs(observer, [generation]));
  }
  for (const [number, blobs] of named) {
    if (number !== newest.number && !contains(newest.keeps, number)) continue;
    for (const sha256 of blobs) {
      if ((await observer.sizeOf(sha256)) !== undefined) continue;
      throw new Error(`Generation ${number} is kept, and its blob ${sha256} is gone.`);
    }
  }
}

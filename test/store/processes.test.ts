import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { itemsOf } from "../../src/store/items.ts";
import { prune } from "../../src/store/prune.ts";
import { verify } from "../../src/store/verify.ts";
import { killRounds } from "../crash/kill-rounds.ts";
import { type Driver, pause, startDriver } from "../crash/processes.ts";

let folder = "";
const drivers: Driver[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-processes-"));
});
afterEach(async () => {
  for (const driver of drivers.splice(0)) {
    driver.process.kill("SIGKILL");
    await driver.ended;
  }
  await rm(folder, { recursive: true });
});

function start(...task: string[]): Driver {
  const driver = startDriver(folder, ...task);
  drivers.push(driver);
  return driver;
}

async function listed(): Promise<Set<string>> {
  const store = await openDirectoryStore(folder);
  const newest = await store.newest();
  if (newest === undefined) return new Set();
  return new Set(Array.from((await itemsOf(store, newest)).values(), ({ sha256 }) => sha256));
}

describe("several processes", () => {
  it("write at once, from an empty folder on, and nothing is lost", async () => {
    const writers = Array.from({ length: 8 }, (_, index) => start("add", `writer ${index}`, "4"));
    for (const { code, errors } of await Promise.all(writers.map(({ ended }) => ended))) {
      expect([code, errors]).toEqual([0, ""]);
    }
    expect(await listed()).toEqual(new Set(writers.flatMap(({ published }) => published)));
    const store = await openDirectoryStore(folder);
    expect((await store.newest())?.number).toBe(32);
    // Documents of lost races are left to prune; nothing else may be.
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("one of which sleeps through a grace period while others publish and prune: nothing incomplete appears", async () => {
    const store = await openDirectoryStore(folder, { create: true });
    const sleeper = start("add", "sleeper", "12");
    await sleeper.ready;
    for (let round = 0; round < 6; round++) {
      await pause(Math.random() * 30);
      sleeper.process.kill("SIGSTOP");
      const other = start("add", `other ${round}`, "1");
      await other.ended;
      for (let again = 0; again < 3; again++) {
        await prune(store, { now: Date.now() + 1000, graceMs: 0, freeNow: true });
      }
      sleeper.process.kill("SIGCONT");
    }
    expect(await sleeper.ended).toEqual({ code: 0, errors: "" });
    const published = drivers.flatMap((driver) => driver.published);
    expect(published).toHaveLength(18);
    expect(await listed()).toEqual(new Set(published));
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("are killed at random moments, and nothing that was acknowledged is lost", async () => {
    expect((await killRounds(8)).fetched).toBeGreaterThan(0);
  });
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "vitest";

import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { itemsOf } from "../../src/store/items.ts";
import { verify } from "../../src/store/verify.ts";
import { pause, startDriver, startReader } from "./processes.ts";

/**
 * Kills writers (kill -9) at random moments, one after another, with a prune at work, which is killed too, and a reader that
 * must always find what is listed. Afterwards everything that was acknowledged is there, without any repair.
 */
export async function killRounds(rounds: number): Promise<{ acknowledged: number; fetched: number }> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-kill-"));
  try {
    await openDirectoryStore(folder, { create: true });
    const reader = startReader(folder);
    const acknowledged: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const adder = startDriver(folder, "add", `round ${round}`, "1000");
      const pruner = startDriver(folder, "prune", "100");
      await adder.ready;
      await pause(Math.random() * 250);
      adder.process.kill("SIGKILL");
      await pause(Math.random() * 20);
      pruner.process.kill("SIGKILL");
      for (const { errors } of await Promise.all([adder.ended, pruner.ended])) expect(errors).toBe("");
      acknowledged.push(...adder.published);
    }
    const { fetched, wrong } = await reader.stop();
    expect(wrong).toEqual([]);
    const store = await openDirectoryStore(folder);
    expect((await verify(store)).damaged).toEqual([]);
    const newest = await store.newest();
    const listed = newest === undefined ? [] : Array.from((await itemsOf(store, newest)).values());
    const hashes = new Set(listed.map(({ sha256 }) => sha256));
    expect(acknowledged.filter((sha256) => !hashes.has(sha256))).toEqual([]);
    // What was killed between publishing and saying so: one for each round at most.
    expect(hashes.size - acknowledged.length).toBeLessThanOrEqual(rounds);
    return { acknowledged: acknowledged.length, fetched };
  } finally {
    await rm(folder, { recursive: true });
  }
}

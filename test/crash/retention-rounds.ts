import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { itemsOf } from "../../src/store/items.ts";
import { contains } from "../../src/store/keeps.ts";
import { pinnedGenerations, readPins } from "../../src/store/pins.ts";
import { prune } from "../../src/store/prune.ts";
import type { Store } from "../../src/store/store.ts";
import { verify } from "../../src/store/verify.ts";
import { pause, startDriver, startReader } from "./processes.ts";

/** Each version has two files; a few more may have been published than was told. */
async function untilPruned(store: Store, published: readonly string[]): Promise<void> {
  for (;;) {
    const newest = await store.newest();
    const listed = newest === undefined ? 0 : (await itemsOf(store, newest)).size;
    if (published.length > 5 && listed < 2 * (published.length - 2)) return;
    await pause(20);
  }
}

/**
 * Kills prunes that apply rules and pins (kill -9) at random moments, while versions are added and readers fetch what the newest and all
 * kept generations list. Afterwards everything is there that should be, without any repair, and one more prune leaves nothing else.
 */
export async function retentionRounds(rounds: number): Promise<{ fetched: number; pruned: number }> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-retention-"));
  try {
    const store = await openDirectoryStore(folder, { create: true });
    const readers = [startReader(folder), startReader(folder, { anyKept: true })];
    let published = 0;
    for (let round = 0; round < rounds; round++) {
      const builder = startDriver(folder, "build", "1000");
      const pruner = startDriver(folder, "retain", "100");
      await Promise.all([builder.ready, pruner.ready]);
      // However slow the machine is, something is pruned.
      if (round === 0) await untilPruned(store, builder.published);
      await pause(Math.random() * 400);
      pruner.process.kill("SIGKILL");
      await pause(Math.random() * 50);
      builder.process.kill("SIGKILL");
      for (const { errors } of await Promise.all([builder.ended, pruner.ended])) expect(errors).toBe("");
      published += builder.published.length;
    }
    let fetched = 0;
    for (const reader of readers) {
      const found = await reader.stop();
      expect(found.wrong).toEqual([]);
      fetched += found.fetched;
    }
    expect((await verify(store)).damaged).toEqual([]);
    const newest = await store.newest();
    const pinned = pinnedGenerations(await readPins(store, newest));
    for (const number of pinned)
      expect(number === newest?.number || contains(newest?.keeps ?? [], number)).toBe(true);
    await prune(store, { now: Date.now() + 1000, graceMs: 0, freeNow: true });
    expect((await verify(store)).extra).toEqual([]);
    const listed = newest === undefined ? 0 : (await itemsOf(store, newest)).size;
    return { fetched, pruned: published - listed / 2 };
  } finally {
    await rm(folder, { recursive: true });
  }
}

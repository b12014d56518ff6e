import { afterEach, expect, it, vi } from "vitest";
import { retain } from "../../src/curate/retain.ts";
import { KEEP_ALL } from "../../src/retention/policy.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { prune } from "../../src/store/prune.ts";
import { addTiny, listed } from "../curate/tiny-site.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const NOW = Date.UTC(2026, 10, 25);

afterEach(() => vi.useRealTimers());

function clockIs(ms: number): void {
  vi.useFakeTimers({ now: ms, toFake: ["Date"] });
}

it("a clock that was set back while something came makes nothing look old", async () => {
  const store = createMemoryStore();
  clockIs(NOW);
  await addTiny(store, "first", { version: "20260101_0000" });
  clockIs(0);
  await addTiny(store, "second", { version: "20260102_0000" });
  const policy = { ...KEEP_ALL, general: { supersededForMs: 30 * DAY_MS } };
  expect((await retain(store, policy, { now: NOW + 29 * DAY_MS })).goes).toEqual([]);
  expect((await retain(store, policy, { now: NOW + 31 * DAY_MS })).goes).toHaveLength(1);
});

it("after a clock that was a year ahead a grace of nothing still frees the room", async () => {
  const store = createMemoryStore();
  clockIs(NOW);
  await addTiny(store, "first", { version: "20260101_0000" });
  clockIs(NOW + 365 * DAY_MS);
  await addTiny(store, "second", { version: "20260102_0000" });
  clockIs(NOW);
  await retain(store, { ...KEEP_ALL, general: { versions: 1 } }, { now: NOW });
  expect(await prune(store, { now: NOW })).toMatchObject({ published: undefined });
  const pruned = await prune(store, { now: NOW, graceMs: 0, freeNow: true });
  expect(pruned.deleted.blobs).toBeGreaterThan(0);
  expect((await listed(store)).map(({ version }) => version)).toEqual(["20260102_0000"]);
});

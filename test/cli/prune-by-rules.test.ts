import { describe, expect, it } from "vitest";
import { pruneByRules } from "../../src/cli/prune-store.ts";
import { remove } from "../../src/curate/remove.ts";
import { HeadwaterError } from "../../src/error.ts";
import { KEEP_ALL } from "../../src/retention/policy.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Signer } from "../../src/store/signer.ts";
import type { Store } from "../../src/store/store.ts";
import { addTiny, listed } from "../curate/tiny-site.ts";

const POLICY = { ...KEEP_ALL, general: { versions: 1 } };

async function threeBuilds(): Promise<Store> {
  const store = createMemoryStore();
  for (const day of [1, 2, 3]) await addTiny(store, `build ${day}`, { version: `2026010${day}_0000` });
  return store;
}

function sooner(): { readonly now: number; readonly graceMs: number; readonly freeNow: boolean } {
  return { now: Date.now() + 1000, graceMs: 0, freeNow: true };
}

describe("pruning by rules", () => {
  it("takes off the lists what no rule keeps, and frees it", async () => {
    const store = await threeBuilds();
    const { retained, pruned } = await pruneByRules(store, POLICY, sooner());
    expect(retained.goes.map(({ place }) => place.versionName)).toEqual(["20260102_0000", "20260101_0000"]);
    expect(await listed(store)).toHaveLength(1);
    const freed = retained.goes.reduce((sum, one) => sum + one.freed, 0);
    expect(pruned.deleted.bytes).toBeGreaterThanOrEqual(freed);
  });

  it("makes room all the same when a locked key keeps it from publishing", async () => {
    const store = await threeBuilds();
    await remove(store, ["tiny/1"]);
    const blobs = (await store.liveBlobs()).size;
    const locked = async (): Promise<never> => {
      throw new HeadwaterError("KEY_LOCKED", "the key is locked");
    };
    const signer: Signer = {
      fingerprint: "A".repeat(40),
      clearSign: locked,
      sign: locked,
      signArmored: locked,
      publicKey: locked,
    };
    Object.assign(store, { signer });
    await expect(pruneByRules(store, POLICY, sooner())).rejects.toMatchObject({ code: "KEY_LOCKED" });
    expect((await store.liveBlobs()).size).toBeLessThan(blobs);
    expect(await listed(store)).toHaveLength(2);
  });
});

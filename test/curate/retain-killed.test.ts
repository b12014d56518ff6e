import { expect, it } from "vitest";
import { retentionRounds } from "../crash/retention-rounds.ts";

it("a prune by rules and pins that is killed loses nothing that a kept generation lists", async () => {
  const { fetched, pruned } = await retentionRounds(3);
  expect(fetched).toBeGreaterThan(0);
  expect(pruned).toBeGreaterThan(0);
});

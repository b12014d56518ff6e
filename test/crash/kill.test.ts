import { expect, it } from "vitest";

import { killRounds } from "./kill-rounds.ts";

it("kill -9 at random moments of 200 runs of a writer loses nothing and leaves nothing wrong", async () => {
  const { acknowledged, fetched } = await killRounds(200);
  expect(acknowledged).toBeGreaterThan(0);
  expect(fetched).toBeGreaterThan(0);
});

import { expect, it } from "vitest";
import { killApplies, killCreates } from "../../crash/bundle-rounds.ts";

// A hundred rounds each are in test/crash.
it("a killed bundle create leaves nothing that is half done under its name", async () => {
  await killCreates(4);
});

it("a killed bundle apply leaves every listed file readable, and the next one goes on", async () => {
  expect((await killApplies(4)).fetched).toBeGreaterThan(0);
});

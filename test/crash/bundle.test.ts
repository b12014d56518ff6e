import { expect, it } from "vitest";
import { killApplies, killCreates } from "./bundle-rounds.ts";

const ROUNDS = 100;

it("kill -9 at random moments of 100 bundle creates never leaves half a bundle under its name", async () => {
  const { killed } = await killCreates(ROUNDS);
  expect(killed).toBeGreaterThan(0);
  expect(killed).toBeLessThan(ROUNDS);
});

it("kill -9 at random moments of 100 bundle applies never leaves a listed file unreadable, and the next one goes on", async () => {
  const { killed, fetched } = await killApplies(ROUNDS);
  expect(fetched).toBeGreaterThan(0);
  expect(killed).toBeGreaterThan(0);
  expect(killed).toBeLessThan(ROUNDS);
});

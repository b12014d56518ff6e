import { describe, expect, it } from "vitest";
import { chooseEvictions, leastFree } from "../../../src/intake/cache/choose-evictions.ts";

const roomy = { free: 900, total: 1000 };
const held = [
  { sha256: "new", size: 10, lastUse: 3 },
  { sha256: "old", size: 10, lastUse: 1 },
  { sha256: "middle", size: 10, lastUse: 2 },
];
const question = { held, needed: new Set<string>(), maxSize: undefined, disk: roomy, wanted: 0 };

describe("chooseEvictions", () => {
  it("gives up nothing within the limits", () => {
    expect(chooseEvictions({ ...question, maxSize: 30 })).toEqual({ evict: [], fits: true });
  });

  it("gives up what was not asked for longest, and no more than is needed", () => {
    expect(chooseEvictions({ ...question, maxSize: 25 }).evict).toEqual(["old"]);
    expect(chooseEvictions({ ...question, maxSize: 30, wanted: 15 }).evict).toEqual(["old", "middle"]);
  });

  it("makes room when little of the disk is free", () => {
    expect(chooseEvictions({ ...question, disk: { free: 1e10 - 15, total: 1e11 } }).evict).toEqual([
      "old",
      "middle",
    ]);
  });

  it("leaves a tenth of the disk and 5 GiB free, and half of a small disk", () => {
    expect(leastFree(1e12)).toBe(1e11);
    expect(leastFree(2e10)).toBe(5 * 1024 ** 3);
    expect(leastFree(1e9)).toBe(5e8);
  });

  it("touches nothing that somebody else needs", () => {
    expect(chooseEvictions({ ...question, maxSize: 25, needed: new Set(["old"]) }).evict).toEqual(["middle"]);
  });

  it("gives up nothing for a file that has no room all the same", () => {
    expect(chooseEvictions({ ...question, maxSize: 30, wanted: 31 })).toEqual({ evict: [], fits: false });
  });
});

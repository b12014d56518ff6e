import { describe, expect, test } from "vitest";
import type { Family } from "../../src/simplestreams/index.ts";
import { trees } from "./trees.ts";
import { predictionInShort, predictions, readRecord } from "./record.ts";

const FAMILIES: readonly Family[] = ["incus", "lxd"];

describe("trees of the corpus", () => {
  const record = readRecord();

  test("each have a name of their own, and a record", () => {
    const names = trees.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(Object.keys(record).sort()).toEqual([...names].sort());
  });

  describe.each(FAMILIES)("%s, from what was recorded,", (family) => {
    test.each(trees.map((deviation) => [deviation.name, deviation] as const))(
      "makes of %s what is predicted",
      (name, deviation) => {
        const possible = predictions(deviation, family).map((one) => predictionInShort(one, deviation));
        const seen = record[name]?.[family] ?? [];
        expect(seen).not.toEqual([]);
        for (const said of seen) expect(possible, deviation.about).toContainEqual(said);
        if (deviation.orders === undefined) expect(seen).toHaveLength(1);
      },
    );
  });
});

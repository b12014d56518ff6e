import { describe, expect, test } from "vitest";
import { explain } from "../../src/simplestreams/index.ts";
import { documentsOf } from "./deviation.ts";
import { asFetched, CLIENTS } from "./predict.ts";
import { readRecord, type Said } from "./record.ts";
import { shapes } from "./shapes.ts";
import { trees } from "./trees.ts";

describe("trees that are right as they are", () => {
  test.each(shapes.map((shape) => [shape.name, shape] as const))(
    "%s is explained without an alarm",
    (_name, shape) => {
      const { findings, readers } = explain(asFetched(documentsOf(shape), "incus"));
      expect(findings.filter(({ level }) => level !== "note")).toEqual([]);
      expect(readers.filter(({ refuses }) => refuses)).toEqual([]);
    },
  );
});

function isNothing(said: Said): boolean {
  return Array.isArray(said) && said.length === 0;
}

describe("what a real client did not list, or refused, is explained", () => {
  const record = readRecord();

  describe.each(["incus", "lxd"] as const)("to %s", (family) => {
    const silent = trees.filter(({ name }) =>
      record[name]?.[family].some((said) => isNothing(said) || "refused" in said),
    );

    test("and there are many such trees", () => {
      expect(silent.length).toBeGreaterThan(60);
    });

    test.each(silent.map((tree) => [tree.name, tree] as const))("%s", (name, tree) => {
      const { findings, readers } = explain(asFetched(documentsOf(tree), family));
      const about = findings.filter((found) => found.readers.includes(CLIENTS[family].name));
      expect(about.length, tree.about).toBeGreaterThan(0);
      const isRefused = record[name]?.[family].every((said) => "refused" in said) === true;
      if (!isRefused) return;
      expect(readers.find(({ reader }) => reader === CLIENTS[family].name)).toMatchObject({
        refuses: true,
        lists: 0,
      });
      expect(about.map(({ level }) => level)).toContain("error");
    });
  });
});

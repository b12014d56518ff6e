import { describe, expect, test } from "vitest";
import { explain, productsPaths, type TreeDocuments } from "../../src/simplestreams/index.ts";
import { INDEX_PATH } from "../../src/simplestreams/rules/smallest-tree.ts";
import { type Deviation, documentsOf } from "./deviation.ts";
import { CLIENTS } from "./predict.ts";
import { readRecord, type Said } from "./record.ts";
import { shapes } from "./shapes.ts";
import { trees } from "./trees.ts";

function treeOf(deviation: Deviation): TreeDocuments {
  const documents = documentsOf(deviation);
  const index = documents.get(INDEX_PATH);
  const products = new Map<string, Uint8Array>();
  for (const path of index === undefined ? [] : productsPaths(index)) {
    const bytes = documents.get(path);
    if (bytes !== undefined) products.set(path, bytes);
  }
  return { index, products };
}

describe("trees that are right as they are", () => {
  test.each(shapes.map((shape) => [shape.name, shape] as const))(
    "%s is explained without an alarm",
    (_name, shape) => {
      const { findings, readers } = explain(treeOf(shape));
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
      const { findings, readers } = explain(treeOf(tree));
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

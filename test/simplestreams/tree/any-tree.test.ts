import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { explain, smallestTree } from "../../../src/simplestreams/index.ts";
import { anyName, anyTree } from "./any-tree.ts";
import { found } from "./found.ts";
import { expectPrintable, expectSound, expectSoundName, expectStable } from "./sound.ts";

const RUNS = { numRuns: 300 };

describe("whatever the documents of a tree are", () => {
  test("the explanation ends, is safe to print, and tells for each client what it lists or why not", () => {
    fc.assert(
      fc.property(anyTree, (tree) => void expectSound(tree)),
      RUNS,
    );
  });

  test("so is the answer to a name", () => {
    fc.assert(fc.property(anyTree, anyName, expectSoundName), RUNS);
  });

  test("the same tree gets the same explanation, also when it was read and written before", () => {
    fc.assert(fc.property(anyTree, expectStable), RUNS);
  });

  test("the command prints it", async () => {
    await fc.assert(fc.asyncProperty(anyTree, fc.option(anyName, { nil: undefined }), expectPrintable), RUNS);
  });
});

test("the tree that all of them come from is listed by every client", () => {
  const { index, products } = smallestTree();
  const documents = {
    index: JSON.stringify(index),
    products: new Map([["streams/v1/images.json", JSON.stringify(products)]]),
  };
  const { readers } = expectSound(documents);
  expect(readers.filter(({ reader }) => /incus|lxd/.test(reader)).map(({ lists }) => lists)).toEqual([
    1, 1, 1, 1, 1,
  ]);
  expect(explain(documents).findings.map(({ level }) => level)).toEqual(["note"]);
});

describe("what was explained wrongly once is not any more", () => {
  test.each(found)("$what", async ({ tree, name }) => {
    expectSound(tree);
    expectStable(tree);
    if (name !== undefined) expectSoundName(tree, name);
    await expectPrintable(tree, name);
  });
});

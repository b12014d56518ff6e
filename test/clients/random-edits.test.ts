import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Documents, documentsOf } from "../corpus/deviation.ts";
import { predict } from "../corpus/predict.ts";
import { smallestTree } from "../../src/simplestreams/rules/smallest-tree.ts";
import type { Edit } from "../../src/simplestreams/rules/rule.ts";
import { asAnswer, ask, certain } from "./answers.ts";
import { ARCHITECTURE } from "./image-files.ts";
import { type RawTrees, serveRawTrees } from "./raw-trees.ts";
import { FAMILIES } from "./user.ts";

const COUNT = 60;

type Place = Pick<Edit, "document" | "at">;

/** Every place of the smallest tree, from the containers down to each text. */
const places: readonly Place[] = (["index", "products"] as const).flatMap((document) =>
  placesOf(smallestTree()[document], []).map((at) => ({ document, at })),
);

function placesOf(value: unknown, at: readonly string[]): (readonly string[])[] {
  const below =
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, member]) => placesOf(member, [...at, key]))
      : [];
  return at.length === 0 ? below : [at, ...below];
}

const value = fc.constantFrom(
  null,
  "",
  "x",
  "amd64",
  "lxd.tar.xz",
  "squashfs",
  "root.tar.xz",
  "disk1.img",
  "a,b",
  "streams/v1/images.json",
  "streams/v1/index.json",
  "f".repeat(64),
  0,
  -1,
  1.5,
  2 ** 63,
  true,
  [],
  [null],
  ["x"],
  {},
  { x: "y" },
  { x: null },
  { x: 1 },
  { x: {} },
  { size: "1" },
  { os: 1, arch: "amd64" },
);

/** What happens to a key: another value, another name, another case, none. */
const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ value }) },
  { weight: 1, arbitrary: fc.constant({ takenAway: true }) },
  { weight: 1, arbitrary: fc.record({ as: fc.constantFrom("upper", "x", "__proto__"), value }) },
);

const edits = fc
  .array(fc.tuple(fc.constantFrom(...places), change), { minLength: 1, maxLength: 2 })
  .map((chosen) => chosen.map(([place, one]) => editOf(place, one)));

function editOf({ document, at }: Place, one: object): Edit {
  if (!("value" in one)) return { document, at };
  const last = at.at(-1) ?? "";
  const as = "as" in one ? (one.as === "upper" ? last.toUpperCase() : String(one.as)) : last;
  return { document, at: [...at.slice(0, -1), as], value: one.value as NonNullable<Edit["value"]> };
}

/** A second edit may have no place left after the first. */
function applied(some: readonly Edit[]): Documents | undefined {
  try {
    return documentsOf({ edits: some });
  } catch {
    return undefined;
  }
}

describe.skipIf(inject("daemons") === undefined)("the smallest tree with one or two edits at random", () => {
  const trees = new Map<string, Documents>();
  let served: RawTrees | undefined;

  beforeAll(async () => {
    for (const some of fc.sample(edits, COUNT)) {
      const documents = applied(some);
      if (documents !== undefined) trees.set(`tree-${trees.size}`, documents);
    }
    served = await serveRawTrees(trees);
  });
  afterAll(() => served?.close());

  test.each(FAMILIES)("is listed by %s as predicted, or refused as predicted", async (family) => {
    for (const [name, documents] of trees) {
      if (served === undefined) throw new Error("nothing is served");
      const possible = predict(documents, family, ARCHITECTURE.kernel).map((one) => asAnswer(one, family));
      const answer = await ask(family, served.url(name), served.pem);
      const texts = [...documents].map(([path, bytes]) => `${path}: ${Buffer.from(bytes).toString()}`);
      // Two items may have become roots of one fingerprint, and which of them comes first is up to chance.
      const order = { undefinedOrder: true } as const;
      expect
        .soft(
          possible.map((one) => certain(one, order)),
          texts.join("\n"),
        )
        .toContainEqual(certain(answer, order));
    }
  });
});

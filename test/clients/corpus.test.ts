import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { documentsOf } from "../corpus/deviation.ts";
import { predictions, readRecord, RECORD, type RecordFile, type Said } from "../corpus/record.ts";
import { trees } from "../corpus/trees.ts";
import { type Answer, asAnswer, ask, certain, said } from "./answers.ts";
import type { Family } from "./daemons.ts";
import { ARCHITECTURE } from "./image-files.ts";
import { type RawTrees, serveRawTrees } from "./raw-trees.ts";
import { FAMILIES } from "./user.ts";

/** Set: what the clients say is written into the record; else it is held against it. */
const RECORDING = process.env["HEADWATER_RECORD_CORPUS"] !== undefined;

/** How often a client is asked where its answer is up to chance, while it is recorded. */
const ROUNDS = 40;

/** Calls at a time. */
const AT_ONCE = 4;

describe.skipIf(inject("daemons") === undefined)("trees of the corpus", () => {
  let served: RawTrees;
  const answers = new Map<string, Record<Family, Answer[]>>();

  beforeAll(async () => {
    served = await serveRawTrees(new Map(trees.map((tree, at) => [`case-${at}`, documentsOf(tree)])));
    await inParallel(trees.entries(), async ([at, tree]) => {
      const all: Record<Family, Answer[]> = { incus: [], lxd: [] };
      const rounds = RECORDING && tree.orders !== undefined ? ROUNDS : 1;
      for (const family of FAMILIES) {
        for (let round = 0; round < rounds; round++) {
          all[family].push(await ask(family, served.url(`case-${at}`), served.pem));
        }
      }
      answers.set(tree.name, all);
    });
    if (RECORDING) await writeRecord(answers);
  });
  afterAll(() => served.close());

  describe.each(FAMILIES)("%s", (family) => {
    const record = RECORDING ? undefined : readRecord();

    test.each(trees.map((tree) => [tree.name, tree] as const))(
      "makes of %s what is predicted, and what is recorded",
      (name, tree) => {
        const possible = predictions(tree, family, ARCHITECTURE.kernel).map((one) =>
          certain(asAnswer(one, family), tree),
        );
        const [first, ...more] = answers.get(name)?.[family] ?? [];
        if (first === undefined) throw new Error("the client was not asked");
        // With one prediction: what differs is shown.
        if (possible.length === 1) expect(certain(first, tree), tree.about).toEqual(possible[0]);
        for (const answer of [first, ...more]) expect(possible).toContainEqual(certain(answer, tree));
        if (record !== undefined && tree.orders === undefined) {
          expect(record[name]?.[family]).toEqual([said(first, tree)]);
        }
      },
    );
  });
});

/** One line for each tree. */
async function writeRecord(answers: ReadonlyMap<string, Record<Family, Answer[]>>): Promise<void> {
  const lines = trees.map((tree) => {
    const all = answers.get(tree.name) ?? { incus: [], lxd: [] };
    const distinct = (family: Family): Said[] => {
      const texts = all[family].map((answer) => JSON.stringify(said(answer, tree)));
      return [...new Set(texts)].sort().map((text) => JSON.parse(text) as Said);
    };
    const record: RecordFile[string] = { incus: distinct("incus"), lxd: distinct("lxd") };
    return ` ${JSON.stringify(tree.name)}: ${JSON.stringify(record)}`;
  });
  await writeFile(RECORD, `{\n${lines.join(",\n")}\n}\n`);
}

async function inParallel<Value>(
  values: Iterable<Value>,
  work: (value: Value) => Promise<void>,
): Promise<void> {
  const queue = values[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

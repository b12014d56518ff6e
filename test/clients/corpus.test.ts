import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Deviation, documentsOf } from "../corpus/deviation.ts";
import { deviations } from "../corpus/deviations.ts";
import type { Prediction } from "../corpus/predict.ts";
import { inShort, predictions, readRecord, RECORD, type RecordFile, type Said } from "../corpus/record.ts";
import type { Family } from "./daemons.ts";
import { ARCHITECTURE } from "./image-files.ts";
import { asPrinted } from "./listing.ts";
import { type RawTrees, serveRawTrees } from "./raw-trees.ts";
import { FAMILIES, type PrintedImage, User } from "./user.ts";

/** Set: what the clients say is written into the record; else it is held against it. */
const RECORDING = process.env["HEADWATER_RECORD_CORPUS"] !== undefined;

/** How often a client is asked where its answer is up to chance, while it is recorded. */
const ROUNDS = 40;

/** Calls at a time. */
const AT_ONCE = 4;

type Answer = { readonly refused: string } | { readonly images: readonly PrintedImage[] };

describe.skipIf(inject("daemons") === undefined)("small trees with one deviation each", () => {
  let trees: RawTrees;
  const answers = new Map<string, Record<Family, Answer[]>>();

  beforeAll(async () => {
    trees = await serveRawTrees(new Map(deviations.map((one, at) => [remoteOf(at), documentsOf(one)])));
    await inParallel(deviations.entries(), async ([at, deviation]) => {
      const all: Record<Family, Answer[]> = { incus: [], lxd: [] };
      const rounds = RECORDING && deviation.orders !== undefined ? ROUNDS : 1;
      for (const family of FAMILIES) {
        for (let round = 0; round < rounds; round++) all[family].push(await ask(family, trees, remoteOf(at)));
      }
      answers.set(deviation.name, all);
    });
    if (RECORDING) await writeRecord(answers);
  });
  afterAll(() => trees.close());

  describe.each(FAMILIES)("%s", (family) => {
    const record = RECORDING ? {} : readRecord();

    test.each(deviations.map((deviation) => [deviation.name, deviation] as const))(
      "makes of %s what is predicted, and what is recorded",
      (name, deviation) => {
        const possible = predictions(deviation, family, ARCHITECTURE.kernel);
        for (const answer of answers.get(name)?.[family] ?? []) {
          expectOneOf(answer, possible, deviation, family);
          if (!RECORDING && deviation.orders === undefined) {
            expect(record[name]?.[family]).toEqual([said(answer, deviation)]);
          }
        }
        expect(answers.get(name)?.[family]).not.toEqual([]);
      },
    );
  });
});

function remoteOf(at: number): string {
  return `case-${at + 1}`;
}

/** Somebody new each time: the command line of Incus keeps documents between its runs. */
async function ask(family: Family, trees: RawTrees, name: string): Promise<Answer> {
  const user = await User.create(family);
  await user.writeRemote("raw", trees.url(name), trees.pem);
  const { status, stdout, stderr } = await user.attempt("image", "list", "raw:", "--format", "json");
  return status === 0 ? { images: JSON.parse(stdout) as PrintedImage[] } : { refused: refusal(stderr) };
}

/** What the message is about, in the words of `Refusal`; of another one the text itself. */
function refusal(message: string): string {
  if (/^panic: /m.test(message)) return "crash";
  if (/cannot unmarshal/.test(message)) return "wrong type";
  if (/Unable to fetch/.test(message)) return "not there";
  if (/invalid character|unexpected end of JSON|No content in download|exceeded max depth/.test(message)) {
    return "not JSON";
  }
  return message;
}

function expectOneOf(
  answer: Answer,
  possible: readonly Prediction[],
  deviation: Deviation,
  family: Family,
): void {
  const printed = possible.map((one) =>
    "refused" in one ? one : { images: one.images.map((image) => asPrinted(image, family)) },
  );
  const plain = deviation.undefinedOrder ? withoutOrder : (one: Answer) => one;
  if (printed.length === 1) expect(plain(answer), deviation.about).toEqual(printed.map(plain)[0]);
  else expect(printed.map(plain), deviation.about).toContainEqual(plain(answer));
}

/** Images by fingerprint, and all aliases together. */
function withoutOrder(answer: Answer): unknown {
  if ("refused" in answer) return answer;
  const images = answer.images.map((image) => ({ ...image, aliases: [] }));
  images.sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
  const aliases = answer.images.flatMap((image) => (image.aliases ?? []).map(({ name }) => name));
  return { images, aliases: aliases.sort() };
}

function said(answer: Answer, deviation: Deviation): Said {
  if ("refused" in answer) return answer;
  const images = answer.images.map(({ fingerprint, aliases }) => ({
    fingerprint,
    aliases: (aliases ?? []).map(({ name }) => name),
  }));
  return inShort(images, deviation);
}

/** One line for each tree. */
async function writeRecord(answers: ReadonlyMap<string, Record<Family, Answer[]>>): Promise<void> {
  const lines = deviations.map((deviation) => {
    const all = answers.get(deviation.name) ?? { incus: [], lxd: [] };
    const distinct = (family: Family): Said[] => {
      const texts = all[family].map((answer) => JSON.stringify(said(answer, deviation)));
      return [...new Set(texts)].sort().map((text) => JSON.parse(text) as Said);
    };
    const record: RecordFile[string] = { incus: distinct("incus"), lxd: distinct("lxd") };
    return ` ${JSON.stringify(deviation.name)}: ${JSON.stringify(record)}`;
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

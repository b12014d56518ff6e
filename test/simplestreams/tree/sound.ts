import { expect } from "vitest";
import { printReport } from "../../../src/cli/print-explanation.ts";
import { lookAt, type LookOptions } from "../../../src/explain/explain-tree.ts";
import type { Tree } from "../../../src/explain/tree.ts";
import {
  type ClientProfile,
  clientProfiles,
  type DocumentText,
  type Explanation,
  explain,
  explainName,
  imagesOfText,
  parseProducts,
  renderProducts,
  rules,
  rulesByTopic,
  type TreeDocuments,
  type TreeFinding,
} from "../../../src/simplestreams/index.ts";
import { decodeForAll, decodeIndex } from "../../../src/simplestreams/decode-as-client.ts";
import { everyReader, otherReaders } from "../../../src/simplestreams/rules/readers.ts";
import { isForImages } from "../../../src/simplestreams/tree/check-index.ts";
import { fakeIo } from "../../cli/fake-io.ts";

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const UNSAFE_BUT_LINES = /[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u;
const READERS = new Set([...everyReader, ...otherReaders]);
/** Rules that can be the reason why something is not listed. */
const HIDING: ReadonlySet<string> = new Set([
  ...Object.keys(rulesByTopic.documents),
  ...Object.keys(rulesByTopic.listing),
  "field-above",
]);

/** Everything that must hold of every explanation, whatever the tree is. */
export function expectSound(documents: TreeDocuments): Explanation {
  const explanation = explain(documents);
  expectSafe(explanation.findings);
  expectReasonsToRefuse(explanation);
  expectListings(documents, explanation);
  return explanation;
}

/** What is asked for by name, too. */
export function expectSoundName(documents: TreeDocuments, name: string): void {
  const { findings, answers, kind, similar } = explainName(documents, name);
  expectSafe(findings);
  for (const { why, readers } of answers) {
    if (UNSAFE.test(why)) expect.fail(`unsafe: ${JSON.stringify(why)}`);
    expect(readers.every((reader) => READERS.has(reader))).toBe(true);
  }
  expect(similar.length).toBeLessThanOrEqual(5);
  if (kind === "nothing") expect(answers.every(({ image }) => image === undefined)).toBe(true);
}

function expectSafe(findings: readonly TreeFinding[]): void {
  for (const found of findings) {
    for (const text of [found.reason, found.place, found.mend, found.source]) {
      if (UNSAFE.test(text)) expect.fail(`unsafe in ${found.rule}: ${JSON.stringify(text)}`);
      if (text.length > 2000) expect.fail(`${text.length} characters in ${found.rule}`);
    }
    if (rules[found.rule].level !== found.level) expect.fail(`the level of ${found.rule}`);
    if (found.readers.length === 0) expect.fail(`nobody has ${found.rule}`);
    for (const reader of found.readers)
      if (!READERS.has(reader)) expect.fail(`no reader is called ${reader}`);
  }
}

/** Whoever refuses a tree has something to show for it: image clients an error. */
function expectReasonsToRefuse({ readers, findings }: Explanation): void {
  for (const { reader, refuses } of readers) {
    if (!refuses) continue;
    const about = findings.filter((found) => found.readers.includes(reader));
    if (!about.some(({ level }) => level === "error" || reader === "sstream"))
      expect.fail(`${reader} refuses the tree without a reason`);
  }
}

/** For each image client that does not refuse: the number it lists, and no version without an image or a word. */
function expectListings(documents: TreeDocuments, explanation: Explanation): void {
  const files = explanation.readers.some(({ reader, refuses }) => reader !== "lxc" && !refuses)
    ? filesOf(documents)
    : [];
  for (const client of clientProfiles) {
    const view = explanation.readers.find(({ reader }) => reader === client.name);
    if (view === undefined) expect.fail(`there is no word about ${client.name}`);
    if (view.refuses) {
      expect(view.lists).toBe(0);
      continue;
    }
    const [only] = files;
    if (files.length === 1 && only !== undefined && !view.byChance)
      expectSameListing(only, client, view.lists);
    for (const file of files) expectEachVersion(file, client, explanation);
  }
}

interface NamedFile {
  readonly path: string;
  readonly text: DocumentText;
}

/** The products files of the entries for images; each entry counts. */
function filesOf({ index = "", products }: TreeDocuments): NamedFile[] {
  return [...decodeIndex(index).index.index.values()].filter(isForImages).flatMap(({ path = "" }) => {
    const text = products.get(path);
    return text === undefined ? [] : [{ path, text }];
  });
}

function expectSameListing({ text }: NamedFile, client: ClientProfile, lists: number): void {
  const { images, fatal } = imagesOfText(text, client);
  expect(fatal).toEqual([]);
  expect(lists).toBe(images.length);
}

function expectEachVersion(
  { path, text }: NamedFile,
  client: ClientProfile,
  { findings }: Explanation,
): void {
  const listed = new Set(
    imagesOfText(text, client).images.map(({ product, version }) => placeOf(product, version)),
  );
  const about = findings.filter(
    ({ rule, document, readers }) => document === path && HIDING.has(rule) && readers.includes(client.name),
  );
  const said = new Set(about.map(({ product, version }) => placeOf(product, version)));
  if (said.has(placeOf(undefined, undefined))) return;
  for (const [product, { versions }] of decodeForAll(text).products.products) {
    if (said.has(placeOf(product, undefined))) continue;
    if (versions.size === 0) expect.fail(`no word about the empty product ${JSON.stringify(product)}`);
    for (const version of versions.keys()) {
      const place = placeOf(product, version);
      if (!listed.has(place) && !said.has(place))
        expect.fail(`${client.name} lists nothing of ${place}, without a word`);
    }
  }
}

function placeOf(product: string | undefined, version: string | undefined): string {
  return JSON.stringify([product, version]);
}

/** The same question gets the same answer, and what this program would write is explained as what it wrote of that. */
export function expectStable(documents: TreeDocuments): void {
  expect(explain(documents)).toEqual(explain(documents));
  const again = new Map([...documents.products].map(([path, text]) => [path, rendered(text)]));
  const first = { ...documents, products: again };
  const second = {
    ...documents,
    products: new Map([...again].map(([path, text]) => [path, rendered(text)])),
  };
  expect(explain(second)).toEqual(explain(first));
}

function rendered(text: DocumentText): DocumentText {
  try {
    return renderProducts(parseProducts(text));
  } catch {
    return text;
  }
}

/** What the command makes of it, for a person and for a program. */
export async function expectPrintable(documents: TreeDocuments, name?: string): Promise<void> {
  const report = await lookAt(treeOf(documents), { name, files: "all", fetch: false } satisfies LookOptions);
  for (const options of [{}, { all: true }, { quiet: true }]) {
    const io = fakeIo();
    printReport(io, options, report);
    const found = UNSAFE_BUT_LINES.exec(io.stdoutText());
    if (found !== null)
      expect.fail(`printed: ${JSON.stringify(found[0])} in ${JSON.stringify(io.stdoutText())}`);
  }
  const io = fakeIo();
  printReport(io, { json: true }, report);
  if (UNSAFE_BUT_LINES.test(io.stdoutText())) expect.fail("unsafe JSON");
  JSON.parse(io.stdoutText());
}

/** A tree in which no file is but its documents. */
function treeOf({ index, products, lxc }: TreeDocuments): Tree {
  const texts = new Map<string, DocumentText | undefined>([...products, ["streams/v1/index.json", index]]);
  for (const [name, text] of lxc ?? []) texts.set(`meta/1.0/${name}`, text);
  return {
    name: "the tree",
    kind: "folder",
    document: async (path) => {
      const text = texts.get(path);
      if (text === undefined) return { kind: "absent", why: "there is no such file" };
      return { kind: "there", bytes: typeof text === "string" ? Buffer.from(text) : text };
    },
    file: async () => ({ kind: "absent", why: "there is no such file" }),
    server: async () => undefined,
    close: async () => undefined,
  };
}

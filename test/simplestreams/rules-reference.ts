import { readerNames } from "../../src/cli/reader-names.ts";
import { type Edit, type Example, type Rule, rulesByTopic } from "../../src/simplestreams/index.ts";
import { INDEX_PATH, PRODUCTS_PATH, smallestTree } from "../../src/simplestreams/rules/smallest-tree.ts";

type Topic = keyof typeof rulesByTopic;

const TITLES: Readonly<Record<Topic, readonly [title: string, about: string]>> = {
  documents: ["Documents", "What an index and a products file have to be before anything in them counts."],
  listing: ["What is listed", "What keeps a client from listing an image. It never says so."],
  use: [
    "What can be used",
    "What is listed and fails when it is used, or is used in a way that nobody means.",
  ],
  server: ["Server and files", "What a server must get right, and whether files are as they are listed."],
  readers: ["Other readers", "What the sstream tools and `lxc-create` need."],
};

const PATHS: Readonly<Record<Edit["document"], string>> = {
  index: INDEX_PATH,
  products: PRODUCTS_PATH,
  other: "other/images.json",
  lxc: "meta/1.0/index-system",
};

/** `docs/reference/rules.md`: every rule as the code has it. */
export function rulesReference(): string {
  const topics = Object.entries(rulesByTopic) as [Topic, Readonly<Record<string, Rule>>][];
  return [
    INTRODUCTION,
    ...topics.map(([topic, rules]) => {
      const links = Object.keys(rules).map((id) => `[\`${id}\`](#${id})`);
      return `* ${TITLES[topic][0]}: ${links.join(", ")}`;
    }),
    "",
    "## The tree of the examples",
    "",
    `Examples say what to change in this tree to break a rule, and a test changes it. It has \`${INDEX_PATH}\`:`,
    "",
    jsonBlock(smallestTree().index),
    "",
    `and \`${PRODUCTS_PATH}\`:`,
    "",
    jsonBlock(smallestTree().products),
    "",
    ...topics.flatMap(([topic, rules]) => topicLines(topic, rules)),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

function topicLines(topic: Topic, rules: Readonly<Record<string, Rule>>): string[] {
  const [title, about] = TITLES[topic];
  const sections = Object.entries(rules).flatMap(([id, rule]) => section(id, rule));
  return [`## ${title}`, "", about, "", ...sections];
}

const INTRODUCTION = `# Rules

Made from the rules in the code by \`npm run docs\`; do not edit.

These are the rules by which \`headwater explain\` judges a simplestreams tree and its server, and by which Headwater decides what it publishes.
[The format](../simplestreams.md) has the same knowledge in the order of a description, and its [pitfalls](../simplestreams.md#pitfalls) by what one sees.

* **Identifiers** are stable: a rule keeps its name, and a name is never given to another rule. Programs compare them; sentences may change. New rules may come.
* **Levels**: an *error* is what keeps a client for which an image is meant from listing, fetching or using it; \`explain\` then ends with 1. A *warning*
  works, and not as its publisher means; \`explain --strict\` ends with 2. A *note* is worth knowing and right as it is in many trees; it changes no status.
* **Readers** are those who are concerned. *Incus* and *LXD* stand for all their versions that Headwater knows: Incus 6.0 and 7, LXD 5.0, 5.21 and 6. *sstream* are the
  Python tools, such as \`sstream-mirror\`, and what is built on them; *lxc-create* is \`lxc-create -t download\`, which reads [an index of its own](../lxc-index.md).
* **Source** is where the rule is to be seen: project, file, and what the code there does.

How \`explain\` uses them: it reads the tree as each reader does, counts what each one lists, and for what is left out or harmful names the rule, the place and the value.
\`headwater explain --json\` has all of that for programs ([JSON output](json-output.md#headwater-explain)).
`;

function section(id: string, { level, text, symptom, mend, source, readers, example }: Rule): string[] {
  return [
    `### \`${id}\``,
    "",
    `${text}.`,
    "",
    `* Level: ${level}, for ${readerNames(readers)}`,
    `* What one sees: ${symptom}.`,
    `* What mends it: ${mend}.`,
    `* Source: ${source}.`,
    "",
    ...exampleLines(example),
    "",
  ];
}

function exampleLines(example: Example): string[] {
  if ("answer" in example) return [`Example: ${example.answer}.`];
  if (example.edits.length === 0) return ["Example: the tree as it is."];
  const documents = [...new Set(example.edits.map(({ document }) => document))];
  const lines = documents.flatMap((document) => changesOf(document, example.edits));
  // One example, however many documents and places it needs.
  return lines.slice(0, -1).map((line, at) => (at === 0 ? line : line.replace(/^Example: /, "And ")));
}

function changesOf(document: Edit["document"], all: readonly Edit[]): string[] {
  const edits = all.filter((edit) => edit.document === document);
  return [...removals(document, edits), ...additions(document, edits)];
}

function removals(document: Edit["document"], edits: readonly Edit[]): string[] {
  return edits
    .filter(({ value }) => value === undefined)
    .flatMap(({ at }) => [
      at.length === 0
        ? `Example: \`${PATHS[document]}\` is not there.`
        : `Example: in \`${PATHS[document]}\`, \`${placeOf(at)}\` is not there.`,
      "",
    ]);
}

function additions(document: Edit["document"], edits: readonly Edit[]): string[] {
  const path = `\`${PATHS[document]}\``;
  const given = edits.filter(({ value }) => value !== undefined);
  const whole = given.find(({ at }) => at.length === 0)?.value;
  if (typeof whole === "string")
    return [`Example: all of ${path} is`, "", "```text", whole.trimEnd(), "```", ""];
  if (given.length === 0) return [];
  const fragment = given.reduce<unknown>((known, { at, value }) => withValue(known, at, value), {});
  return [`Example: in ${path}`, "", jsonBlock(fragment), ""];
}

/** What is there, with this value at that place. */
function withValue(known: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const object = typeof known === "object" && known !== null ? new Map(Object.entries(known)) : new Map();
  return Object.fromEntries(object.set(key, withValue(object.get(key), rest, value)));
}

function placeOf(at: readonly string[]): string {
  return at
    .map((key, index) =>
      /^[a-z]\w*$/.test(key) ? `${index === 0 ? "" : "."}${key}` : `[${JSON.stringify(key)}]`,
    )
    .join("");
}

function jsonBlock(value: unknown): string {
  return `\`\`\`json\n${jsonText(value, "")}\n\`\`\``;
}

const WIDTH = 110;

/** JSON with what fits on a line on one: pages of braces are hard to read. */
function jsonText(value: unknown, indent: string): string {
  const line = JSON.stringify(value);
  if (indent.length + line.length <= WIDTH || typeof value !== "object" || value === null) return line;
  const deeper = `${indent}  `;
  const members = Array.isArray(value)
    ? value.map((member) => jsonText(member, deeper))
    : Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${jsonText(member, deeper)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return `${open}\n${members.map((member) => deeper + member).join(",\n")}\n${indent}${close}`;
}

import { type LibraryExport, libraryExports } from "./library-exports.ts";

interface Topic {
  readonly title: string;
  /** Files below `src/simplestreams`, in the order of the page. A folder, ending with `/`, stands for all files in it. */
  readonly files: readonly string[];
}

/** What belongs together on the page. A file that is in none of them comes last, and a test fails until it has its place. */
const TOPICS: readonly Topic[] = [
  {
    title: "Documents",
    files: ["parse.ts", "own-documents.ts", "render.ts", "products.ts", "index-file.ts", "json-text.ts"],
  },
  {
    title: "Clients",
    files: [
      "client-profile.ts",
      "images-of.ts",
      "listed-image.ts",
      "invisible.ts",
      "rules/check-listing.ts",
      "finding.ts",
      "decode-as-client.ts",
      "resolve.ts",
    ],
  },
  {
    title: "Trees",
    files: [
      "tree/explain.ts",
      "tree/explain-name.ts",
      "tree/read-tree.ts",
      "tree/tree-documents.ts",
      "tree/findings.ts",
      "tree/contents.ts",
      "tree/",
    ],
  },
  { title: "Rules", files: ["rules/rules.ts", "rules/rule.ts", "rules/"] },
  { title: "Versions", files: ["version-name.ts"] },
  {
    title: "Items and images",
    files: ["ftypes.ts", "fingerprint.ts", "twins.ts", "architectures.ts"],
  },
  {
    title: "Names",
    files: ["aliases.ts", "release-names.ts", "slug.ts", "item-path.ts", "relative-path.ts", "printable.ts"],
  },
];

const OTHERS = "Others";

/** The heading from which on the page is made from the source. */
export const GENERATED_FROM = "## All exports\n";

/** Files that export something and have no topic. */
export function filesWithoutTopic(): string[] {
  const files = new Set(libraryExports().map(({ file }) => file));
  return [...files].filter((file) => titleOf(file) === OTHERS);
}

/** `docs/reference/library.md`: what is written by hand stays, and every export follows with its signature and comment. */
export function libraryReference(page: string): string {
  const written = page.slice(0, page.indexOf(GENERATED_FROM));
  const all = libraryExports();
  const sections = [...TOPICS.map(({ title }) => title), OTHERS]
    .map((title) => ({ title, members: inOrder(all.filter(({ file }) => titleOf(file) === title)) }))
    .filter(({ members }) => members.length > 0);
  return [
    `${written}${GENERATED_FROM}`,
    "From here on this page is made from the source by `npm run docs`; change the comments there.",
    "",
    ...sections.map(({ title, members }) => `* ${title}: ${members.map(linkTo).join(", ")}`),
    "",
    ...sections.map(({ title, members }) =>
      [`### ${title}\n`, ...members.flatMap((one) => section(one, all))].join("\n"),
    ),
  ].join("\n");
}

function titleOf(file: string): string {
  return TOPICS.find(({ files }) => files.some((one) => covers(one, file)))?.title ?? OTHERS;
}

function covers(entry: string, file: string): boolean {
  return entry.endsWith("/") ? file.startsWith(entry) : entry === file;
}

/** Files as the topics name them, names as their file declares them, and types after what uses them. */
function inOrder(members: readonly LibraryExport[]): LibraryExport[] {
  const files = TOPICS.flatMap((topic) => topic.files);
  const rank = ({ file }: LibraryExport) => files.findIndex((entry) => covers(entry, file));
  const late = ({ kind }: LibraryExport) => (kind === "type" ? 1 : 0);
  return members.toSorted((a, b) => late(a) - late(b) || rank(a) - rank(b));
}

function section(one: LibraryExport, all: readonly LibraryExport[]): string[] {
  const types = all.filter(({ name, kind }) => kind === "type" && one.mentions.includes(name));
  return [
    `#### ${headingOf(one)}`,
    "",
    "```ts",
    one.signature,
    "```",
    "",
    ...commentAsMarkdown(one.comment, all),
    ...(types.length === 0 ? [] : [`Types: ${types.map(linkTo).join(", ")}.`, ""]),
  ];
}

function headingOf({ name, kind }: LibraryExport): string {
  return kind === "type" ? `\`${name}\` (type)` : `\`${name}\``;
}

function linkTo(one: LibraryExport): string {
  const anchor = one.name.toLowerCase() + (one.kind === "type" ? "-type" : "");
  return `[\`${one.name}\`](#${anchor})`;
}

/** The text, and each `@example` as a program that can be run, with the import that it needs. */
function commentAsMarkdown(comment: string, all: readonly LibraryExport[]): string[] {
  const [text = "", ...tags] = comment.split(/^(?=@)/m);
  const examples = tags.map((tag) => {
    const [, name, body = ""] = /^@(\w+)\s(.*)$/s.exec(tag) ?? [];
    if (name !== "example") throw new Error(`a comment has @${name ?? ""}: say it in words, or use @example`);
    return body.trim();
  });
  return [
    ...(text.trim() === "" ? [] : [text.trim(), ""]),
    ...examples.flatMap((code) => ["```js", importFor(code, all), code, "```", ""]),
  ];
}

function importFor(code: string, all: readonly LibraryExport[]): string {
  const words = new Set(code.match(/[A-Za-z_$][\w$]*/g));
  const used = all.filter(({ name, kind }) => kind !== "type" && words.has(name)).map(({ name }) => name);
  return `import { ${used.toSorted().join(", ")} } from "headwater/simplestreams";\n`;
}

import { readdirSync, readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import * as library from "../../src/simplestreams/index.ts";
import { libraryExports } from "./library-exports.ts";
import { filesWithoutTopic, libraryReference } from "./library-reference.ts";
import { examplesIn, promised } from "./page-examples.ts";

/** As the source makes it; the first test holds the file against it. */
const page = libraryReference(readFileSync("docs/reference/library.md", "utf8"));

function shown(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
}

/** What an example prints, one line per call. */
function run(code: string): string[] {
  const lines: string[] = [];
  const print = (...values: unknown[]) => {
    lines.push(values.map(shown).join(" "));
  };
  const script = code.replace(
    /^import \{(.*?)\} from "headwater\/simplestreams";$/ms,
    "const {$1} = library;",
  );
  runInNewContext(`"use strict";\n${script}`, { library, console: { log: print } });
  return lines;
}

describe("the page about the library", () => {
  test("shows every export as the source has it (npm run docs makes it anew)", async () => {
    await expect(page).toMatchFileSnapshot("../../docs/reference/library.md");
  });

  test("has a topic for each file that exports something: TOPICS in library-reference.ts", () => {
    expect(filesWithoutTopic()).toEqual([]);
  });

  test("has a heading for every export, types too, and for nothing else", () => {
    const index = readFileSync(new URL("../../src/simplestreams/index.ts", import.meta.url), "utf8");
    const exported = [...index.matchAll(/\{([^}]*)\}/g)]
      .flatMap(([, names]) => (names ?? "").split(","))
      .map((name) => name.replace(/^\s*(type )?/, "").trim())
      .filter((name) => name !== "");
    const headings = [...page.matchAll(/^#### `(.*?)`/gm)].map(([, name]) => name ?? "");
    expect(headings.toSorted()).toEqual(exported.toSorted());
    expect(exported).toEqual(expect.arrayContaining(Object.keys(library)));
  });

  test.each(examplesIn(page).map((code, at) => [at + 1, code] as const))(
    "example %i prints what it says",
    (_at, code) => {
      expect(promised(code).length).toBeGreaterThan(0);
      expect(run(code)).toEqual(promised(code));
    },
  );
});

describe("what the library exports", () => {
  const all = libraryExports();

  test("has comments that say what it is", () => {
    expect(all.length).toBeGreaterThan(80);
    expect(all.filter(({ comment }) => comment === "").map(({ name }) => name)).toEqual([]);
  });

  test("speaks of no type of its own that it keeps to itself", () => {
    const exported = new Set(all.map(({ name }) => name));
    const hidden = all.flatMap(({ name, mentions }) =>
      mentions.filter((type) => !exported.has(type)).map((type) => `${name}: ${type}`),
    );
    expect(hidden).toEqual([]);
  });
});

test("every declaration that leaves its file has a comment that says what it is", () => {
  const folder = new URL("../../src/simplestreams/", import.meta.url);
  const bare: string[] = [];
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts")) continue;
    const lines = readFileSync(new URL(name, folder), "utf8").split("\n");
    for (const [at, line] of lines.entries()) {
      const isDeclaration = /^export (async )?(function|const|interface|type|class) (?!\{)/.test(line);
      // One comment may stand over several constants.
      const before = lines.slice(0, at).findLast((other) => !/^export const .*;$/.test(other));
      if (isDeclaration && !before?.trimEnd().endsWith("*/")) bare.push(`${name}: ${line}`);
    }
  }
  expect(bare).toEqual([]);
});

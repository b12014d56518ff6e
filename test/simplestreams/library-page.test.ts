import { readdirSync, readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import * as library from "../../src/simplestreams/index.ts";

const page = readFileSync(new URL("../../docs/reference/library.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code ?? "");

/** What an example prints, one line per call. */
function run(code: string): string[] {
  const lines: string[] = [];
  const print = (...values: unknown[]) => {
    lines.push(values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(" "));
  };
  const script = code.replace(
    /^import \{(.*?)\} from "headwater\/simplestreams";$/ms,
    "const {$1} = library;",
  );
  runInNewContext(`"use strict";\n${script}`, { library, console: { log: print } });
  return lines;
}

/** The comments that stand alone on a line after the code that prints them. */
function promised(code: string): string[] {
  return code
    .split("\n")
    .filter((line, at, all) => line.startsWith("// ") && all[at + 1]?.startsWith("const") !== true)
    .map((line) => line.slice(3));
}

describe("the page about the library", () => {
  test("has examples", () => {
    expect(examples.length).toBeGreaterThanOrEqual(5);
  });

  test.each(examples.map((code, at) => [at + 1, code] as const))(
    "example %i prints what it says",
    (_at, code) => {
      expect(promised(code).length).toBeGreaterThan(0);
      expect(run(code)).toEqual(promised(code));
    },
  );

  test("names every export, types too, and nothing else", () => {
    const index = readFileSync(new URL("../../src/simplestreams/index.ts", import.meta.url), "utf8");
    const exported = [...index.matchAll(/\{([^}]*)\}/g)]
      .flatMap(([, names]) => (names ?? "").split(","))
      .map((name) => name.replace(/^\s*(type )?/, "").trim())
      .filter((name) => name !== "");
    const tables = page.slice(page.indexOf("## All exports"));
    const named = [...tables.matchAll(/^\| (`.*?) \|/gm)]
      .flatMap(([, names]) => (names ?? "").split(", "))
      .map((name) => name.replaceAll("`", ""));
    expect(named.toSorted()).toEqual(exported.toSorted());
    expect(exported).toEqual(expect.arrayContaining(Object.keys(library)));
  });
});

test("every export has a comment that says what it is", () => {
  const folder = new URL("../../src/simplestreams/", import.meta.url);
  const bare: string[] = [];
  for (const name of readdirSync(folder)) {
    const lines = readFileSync(new URL(name, folder), "utf8").split("\n");
    for (const [at, line] of lines.entries()) {
      const isDeclaration = /^export (async )?(function|const|interface|type|class) (?!\{)/.test(line);
      if (isDeclaration && !lines[at - 1]?.trimEnd().endsWith("*/")) bare.push(`${name}: ${line}`);
    }
  }
  expect(bare).toEqual([]);
});

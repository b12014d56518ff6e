import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, sep } from "node:path";
import { describe, expect, it } from "vitest";

/** From the top down. A folder imports from the lines below its own, never from its neighbours on the same line. */
const LINES: readonly (readonly string[])[] = [
  ["cli"],
  ["server", "explain"],
  ["intake", "curate", "derive", "export", "config"],
  ["publish"],
  ["retention"],
  ["views", "signing"],
  ["store", "upstream", "image", "bundle"],
  ["simplestreams"],
];

/** Folders that hold an adapter of a port: one file knows which one is used. */
const ADAPTERS = ["store/directory", "store/memory", "upstream/http", "upstream/directory"];
const COMPOSITION = ["compose.ts", "compose-upstream.ts"];
/** A thread is a program of its own: it composes itself. */
const THREADS = ["transfer-thread.ts"];

interface Import {
  /** Relative to `src`, such as `cli/run.ts`. */
  readonly from: string;
  /** The module as written: relative to `src` when it is a file of this project. */
  readonly to: string;
  readonly isOwn: boolean;
}

const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .map((file) => file.split(sep).join("/"))
  .filter((file) => file.endsWith(".ts"));
const imports = files.flatMap(importsOf);

function importsOf(from: string): Import[] {
  const source = readFileSync(join("src", from), "utf8");
  const statements = [
    ...source.matchAll(/^\s*(?:import|export)\s[^;]*?\sfrom\s+"([^"]+)"/gm),
    ...source.matchAll(/^\s*import\s+"([^"]+)"/gm),
    ...source.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g),
  ];
  return statements.map(([, module = ""]) => {
    const isOwn = module.startsWith(".");
    return { from, to: isOwn ? posix.normalize(posix.join(dirname(from), module)) : module, isOwn };
  });
}

function lineOf(file: string): number {
  return LINES.findIndex((folders) => folders.includes(file.split("/")[0] ?? ""));
}

function isAllowed({ from, to }: Import): boolean {
  if (to === "error.ts" || COMPOSITION.includes(from) || THREADS.includes(from)) return true;
  if (from.split("/")[0] === to.split("/")[0]) return true;
  // The composition root is for the command line alone.
  if (COMPOSITION.includes(to)) return lineOf(from) === 0;
  return lineOf(from) !== -1 && lineOf(from) < lineOf(to);
}

const told = ({ from, to }: Import) => `${from} imports ${to}`;

describe("the source", () => {
  it("is found, and its imports too", () => {
    expect(files.length).toBeGreaterThan(20);
    expect(imports.filter(({ isOwn }) => isOwn).length).toBeGreaterThan(files.length);
  });

  it("has no folder outside the table", () => {
    expect(files.filter((file) => file.includes("/") && lineOf(file) === -1)).toEqual([]);
    expect(files.filter((file) => !file.includes("/")).sort()).toEqual(
      [...COMPOSITION, ...THREADS, "error.ts"].sort(),
    );
  });

  it("imports downwards only", () => {
    expect(
      imports
        .filter(({ isOwn }) => isOwn)
        .filter((edge) => !isAllowed(edge))
        .map(told),
    ).toEqual([]);
  });

  it("names concrete adapters in the composition root only", () => {
    const named = imports.filter(({ from, to, isOwn }) => {
      const adapter = ADAPTERS.find((folder) => to.startsWith(`${folder}/`));
      return isOwn && adapter !== undefined && !from.startsWith(`${adapter}/`) && !COMPOSITION.includes(from);
    });
    expect(named.map(told)).toEqual([]);
  });

  it("keeps the format pure: simplestreams imports nothing from Node and no library but the schema", () => {
    const foreign = imports.filter(({ from, isOwn }) => from.startsWith("simplestreams/") && !isOwn);
    expect(foreign.filter(({ to }) => to !== "zod").map(told)).toEqual([]);
  });

  it("imports by name and by file, with the extension", () => {
    expect(imports.filter(({ to, isOwn }) => isOwn && !files.includes(to)).map(told)).toEqual([]);
  });
});

import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { runInNewContext } from "node:vm";
import { parseSync } from "oxc-parser";
import { beforeAll, describe, expect, test } from "vitest";

/*
 * The library as it is installed: what `npm run build` made. Whether a browser really runs it is tried in test/clients.
 */
const ENTRY = "dist/simplestreams/index.js";

/** Beside what the language has: what browsers and Node both have, and the library uses. */
const SHARED_GLOBALS = ["TextDecoder", "TextEncoder"];

interface Loaded {
  readonly file: string;
  readonly imports: readonly string[];
  /** Names that the file uses and does not declare. */
  readonly globals: readonly string[];
}

/** Everything that is loaded with the library. */
function load(file: string, loaded: Map<string, Loaded> = new Map()): ReadonlyMap<string, Loaded> {
  const { program, module } = parseSync(file, readFileSync(file, "utf8"));
  const imports = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest }) => (moduleRequest === null ? [] : [moduleRequest.value])),
    ),
    ...module.dynamicImports.map(() => "import()"),
    ...module.importMetas.map(() => "import.meta"),
  ];
  const names = namesIn(program);
  const globals = [...names.used].filter((name) => !names.declared.has(name));
  loaded.set(file, { file, imports: [...new Set(imports)], globals });
  for (const name of imports.filter((name) => name.startsWith("."))) {
    const next = posix.normalize(posix.join(posix.dirname(file), name));
    if (!loaded.has(next)) load(next, loaded);
  }
  return loaded;
}

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** Fields of nodes whose identifiers are names of members, and no variables, unless the node is computed. */
const MEMBER_NAMES: Readonly<Record<string, string>> = {
  MemberExpression: "property",
  Property: "key",
  MethodDefinition: "key",
  PropertyDefinition: "key",
};
/** Fields of nodes in which variables are declared. */
const DECLARING: Readonly<Record<string, readonly string[]>> = {
  VariableDeclarator: ["id"],
  FunctionDeclaration: ["id", "params"],
  FunctionExpression: ["id", "params"],
  ArrowFunctionExpression: ["params"],
  ClassDeclaration: ["id"],
  ClassExpression: ["id"],
  CatchClause: ["param"],
  ImportSpecifier: ["local"],
  ImportNamespaceSpecifier: ["local"],
  ImportDefaultSpecifier: ["local"],
};

/** Nodes that stand between a declaration and the names it declares. */
const PATTERNS = new Set(["ObjectPattern", "ArrayPattern", "RestElement", "AssignmentPattern", "Property"]);

function namesIn(program: unknown): { readonly used: Set<string>; readonly declared: Set<string> } {
  const used = new Set<string>();
  const declared = new Set<string>();
  const walk = (value: unknown, into: Set<string>): void => {
    if (Array.isArray(value)) for (const one of value) walk(one, into);
    if (!isNode(value)) return;
    if (value.type === "Identifier") into.add(String(value["name"]));
    // What is exported from elsewhere is not used here.
    if (value.type === "ExportNamedDeclaration" && isNode(value["source"])) return;
    for (const [field, child] of Object.entries(value)) {
      if (field === MEMBER_NAMES[value.type] && value["computed"] !== true) continue;
      if (value.type === "ImportSpecifier" && field === "imported") continue;
      const isDefault = value.type === "AssignmentPattern" && field === "right";
      if (DECLARING[value.type]?.includes(field) === true) walk(child, declared);
      else walk(child, PATTERNS.has(value.type) && !isDefault ? into : used);
    }
  };
  walk(program, used);
  return { used, declared };
}

describe("the library as it is installed", () => {
  let loaded: readonly Loaded[];

  beforeAll(() => {
    loaded = [...load(ENTRY).values()];
  });

  test("is some files of its own", () => {
    expect(loaded.length).toBeGreaterThan(20);
    const elsewhere = loaded.filter(({ file }) => !file.startsWith("dist/simplestreams/"));
    expect(elsewhere.map(({ file }) => file)).toEqual(["dist/error.js"]);
  });

  test("imports nothing but itself and zod: nothing of Node", () => {
    const foreign = loaded.flatMap(({ imports }) => imports).filter((name) => !name.startsWith("."));
    expect(new Set(foreign)).toEqual(new Set(["zod"]));
  });

  test("uses no global that only Node has", () => {
    const ofTheLanguage = runInNewContext("Object.getOwnPropertyNames(globalThis)") as string[];
    const known = new Set([...ofTheLanguage, ...SHARED_GLOBALS, "undefined"]);
    const foreign = loaded.flatMap(({ file, globals }) =>
      globals.filter((name) => !known.has(name)).map((name) => `${file}: ${name}`),
    );
    expect(foreign).toEqual([]);
    // The walk does find globals.
    expect(loaded.flatMap(({ globals }) => globals)).toEqual(
      expect.arrayContaining(["JSON", "TextDecoder", "TextEncoder"]),
    );
  });
});

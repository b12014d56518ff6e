import { readFileSync } from "node:fs";
import { posix } from "node:path";
import {
  type Comment,
  type Directive,
  type Function as FunctionDeclaration,
  parseSync,
  type Statement,
  type TSInterfaceDeclaration,
  type TSTypeAliasDeclaration,
  type VariableDeclaration,
} from "oxc-parser";

/** One name that the library exports, as its source says it. */
export interface LibraryExport {
  readonly name: string;
  readonly kind: "function" | "constant" | "type";
  /** The file that declares it, relative to `src/simplestreams`: `parse.ts`, `rules/rule.ts`. */
  readonly file: string;
  /** What a program that uses it can rely on: the declaration without what is inside functions. */
  readonly signature: string;
  /** What stands before the declaration, without the marks of a comment; empty where nothing does. */
  readonly comment: string;
  /** Types of this library that the signature speaks of. */
  readonly mentions: readonly string[];
}

interface Source {
  readonly file: string;
  readonly text: string;
  readonly body: readonly (Directive | Statement)[];
  readonly comments: readonly Comment[];
}

type Declaration =
  | FunctionDeclaration
  | VariableDeclaration
  | TSTypeAliasDeclaration
  | TSInterfaceDeclaration;

const folder = new URL("../../src/simplestreams/", import.meta.url);
/** Kinds of declarations that this file knows to show, beside constants. */
const SHOWN = new Set([
  "FunctionDeclaration",
  "TSDeclareFunction",
  "TSTypeAliasDeclaration",
  "TSInterfaceDeclaration",
]);
/** Values longer than this are shown by their keys alone. */
const MAX_VALUE_LINES = 12;

/** Everything that `index.ts` exports, in its order. */
export function libraryExports(index = "index.ts"): LibraryExport[] {
  const sources = new Map<string, Source>();
  const read = (file: string) => {
    const known = sources.get(file) ?? parsed(file);
    sources.set(file, known);
    return known;
  };
  return exportedNames(read(index)).map(({ name, from }) => described(name, name, read(from), read));
}

function parsed(file: string): Source {
  const text = readFileSync(new URL(file, folder), "utf8");
  const { program, comments, errors } = parseSync(file, text);
  if (errors[0] !== undefined) throw new Error(`${file}: ${errors[0].message}`);
  return { file, text, body: program.body, comments };
}

/** What `index.ts` says: only `export { ... } from "./file.ts"`, so that each name is written down once. */
function exportedNames({ file, body }: Source): { readonly name: string; readonly from: string }[] {
  return body.flatMap((statement) => {
    if (statement.type !== "ExportNamedDeclaration" || statement.source === null) {
      throw new Error(`${file} has a ${statement.type}: expected export { ... } from "./file.ts" only`);
    }
    const from = beside(file, statement.source.value);
    return statement.specifiers.map(({ exported }) => ({ name: nameOf(exported), from }));
  });
}

/** Follows a name through files that pass it on, to the one that declares it. */
function described(
  name: string,
  local: string,
  source: Source,
  read: (file: string) => Source,
): LibraryExport {
  const [first, ...overloads] = source.body.flatMap((statement) => declarationOf(statement, local));
  if (first === undefined) {
    const origin = originOf(local, source);
    if (origin === undefined) throw new Error(`${source.file} does not declare ${local}`);
    return described(name, origin.name, read(origin.file), read);
  }
  const declarations = overloads.length === 0 ? [first] : withoutBody([first, ...overloads]);
  const own = ownTypes(source);
  const mentions = declarations.flatMap((declaration) => mentionedTypes(publicParts(declaration)));
  return {
    name,
    kind: kindOf(first),
    file: source.file,
    signature: declarations.map((declaration) => signatureOf(declaration, source)).join("\n"),
    comment: commentBefore(first, source),
    mentions: [...new Set(mentions)].filter((type) => type !== name && own.has(type)),
  };
}

/** Of overloads, the last one is for the compiler only. */
function withoutBody(declarations: readonly Declaration[]): readonly Declaration[] {
  return declarations.filter(({ type }) => type === "TSDeclareFunction");
}

function declarationOf(statement: Directive | Statement, name: string): Declaration[] {
  const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
  if (declaration?.type === "VariableDeclaration") {
    const names = declaration.declarations.map(({ id }) => (id.type === "Identifier" ? id.name : ""));
    return names.includes(name) ? [declaration] : [];
  }
  if (!isNode(declaration) || !isNode(declaration["id"]) || declaration["id"]["name"] !== name) return [];
  if (!SHOWN.has(declaration.type)) {
    throw new Error(`${name} is a ${declaration.type}: teach this file to show one`);
  }
  return [declaration as Declaration];
}

/** Where a file that does not declare a name has it from. */
function originOf(
  name: string,
  { file, body }: Source,
): { readonly name: string; readonly file: string } | undefined {
  for (const statement of body) {
    if (statement.type === "ExportNamedDeclaration" && statement.source !== null) {
      const found = statement.specifiers.find(({ exported }) => nameOf(exported) === name);
      if (found !== undefined)
        return { name: nameOf(found.local), file: beside(file, statement.source.value) };
    }
    if (statement.type === "ImportDeclaration") {
      const found = statement.specifiers.find(({ local }) => local.name === name);
      if (found?.type === "ImportSpecifier")
        return { name: nameOf(found.imported), file: beside(file, statement.source.value) };
    }
  }
  return undefined;
}

function kindOf({ type }: Declaration): LibraryExport["kind"] {
  if (type === "VariableDeclaration") return "constant";
  return type === "FunctionDeclaration" || type === "TSDeclareFunction" ? "function" : "type";
}

function signatureOf(declaration: Declaration, { text }: Source): string {
  if (declaration.type === "FunctionDeclaration") {
    return text.slice(declaration.start, declaration.body?.start ?? declaration.end).trim();
  }
  if (declaration.type !== "VariableDeclaration") return text.slice(declaration.start, declaration.end);
  const [variable] = declaration.declarations;
  if (variable === undefined) return "";
  const annotation = variable.id.type === "Identifier" ? variable.id.typeAnnotation : null;
  if (annotation) return `const ${text.slice(variable.id.start, variable.id.end)}`;
  const whole = text.slice(declaration.start, declaration.end);
  if (whole.split("\n").length <= MAX_VALUE_LINES) return whole;
  return `const ${text.slice(variable.id.start, variable.id.end)} = ${keysOf(variable.init, text)};`;
}

/** An object with its keys, and dots for what is behind them. */
function keysOf(value: unknown, text: string): string {
  if (isNode(value) && "expression" in value) return keysOf(value["expression"], text);
  if (!isNode(value) || value.type !== "ObjectExpression") return "…";
  const lines = (value["properties"] as readonly Node[]).map((property) => {
    const key = property["key"];
    return isNode(key) ? `  ${text.slice(key.start, key.end)}: …,` : `  …,`;
  });
  return ["{", ...lines, "}"].join("\n");
}

function commentBefore({ start }: Declaration, { text, comments }: Source): string {
  const before = text.slice(0, start).replace(/\s*export\s*$/, "").length;
  const comment = comments.find(
    ({ end, value, type }) => end === before && type === "Block" && value.startsWith("*"),
  );
  const lines = (comment?.value.slice(1) ?? "").split("\n").map((line) => line.replace(/^\s*\* ?/, ""));
  return lines.join("\n").trim();
}

/** The types of this library that a file declares or imports. */
function ownTypes({ body }: Source): ReadonlySet<string> {
  const names = body.flatMap((statement) => {
    if (statement.type === "ImportDeclaration") {
      const isOwn = statement.source.value.startsWith(".");
      return isOwn ? statement.specifiers.map(({ local }) => local.name) : [];
    }
    const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    const isType =
      declaration?.type === "TSTypeAliasDeclaration" || declaration?.type === "TSInterfaceDeclaration";
    return isType ? [declaration.id.name] : [];
  });
  return new Set(names);
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function publicParts(declaration: Declaration): readonly unknown[] {
  if (declaration.type === "FunctionDeclaration" || declaration.type === "TSDeclareFunction") {
    return [declaration.typeParameters, ...declaration.params, declaration.returnType];
  }
  if (declaration.type === "VariableDeclaration") return declaration.declarations.map(({ id }) => id);
  return [declaration];
}

function mentionedTypes(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(mentionedTypes);
  if (!isNode(value)) return [];
  const name = value["typeName"] ?? (value.type === "TSInterfaceHeritage" ? value["expression"] : undefined);
  const own = isNode(name) && typeof name["name"] === "string" ? [name["name"]] : [];
  return [...own, ...Object.values(value).flatMap(mentionedTypes)];
}

function beside(file: string, path: string): string {
  return posix.normalize(posix.join(posix.dirname(file), path));
}

function nameOf(name: { readonly name: string } | { readonly value: string }): string {
  return "name" in name ? name.name : name.value;
}

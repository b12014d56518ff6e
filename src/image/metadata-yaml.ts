import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { HeadwaterError } from "../error.ts";
import { kernelArchitecture } from "../simplestreams/architectures.ts";
import { printable, quoted } from "../simplestreams/printable.ts";

/** What `metadata.yaml` says, checked. */
export interface ImageMetadata {
  /** As the kernel calls it, such as `x86_64`, whatever the file calls it. */
  readonly architecture: string;
  /** Unix seconds, never 0. */
  readonly creationDate: number;
  /** Unix seconds. */
  readonly expiryDate?: number;
  readonly properties: ReadonlyMap<string, string>;
  /** Files under `templates/` that its templates are made from. */
  readonly templates: readonly string[];
}

/**
 * Bytes of the file. Both daemons take 1 MiB, but real files have a few kilobytes, and the parser's time grows with the square of
 * the depth: at this size the worst input takes half a second.
 */
export const METADATA_LIMIT = 128 * 1024;

/** More aliases than an honest file wants; a YAML bomb has far more once it unfolds. */
const ALIAS_LIMIT = 100;

/**
 * Reads metadata.yaml as Incus and LXD do when an image is imported (Incus cmd/incusd/images.go, LXD lxd/images.go): the
 * architecture known, the creation date not 0, properties plain text. `name` is for messages.
 */
export function parseMetadataYaml(bytes: Uint8Array, name: string): ImageMetadata {
  if (bytes.length > METADATA_LIMIT) throw tooLarge(name, bytes.length);
  const file = new MetadataFile(name, textOf(bytes, name));
  const root = file.root;
  const expiryDate = seconds(file, root, "expiry_date");
  return {
    architecture: architectureOf(file, root),
    creationDate: creationDateOf(file, root),
    ...(expiryDate === undefined || expiryDate === 0 ? {} : { expiryDate }),
    properties: propertiesOf(file, root),
    templates: templatesOf(file, root),
  };
}

/** The error for a metadata.yaml of that many bytes, also when nobody has read them. */
export function tooLarge(name: string, size: number): HeadwaterError {
  return new HeadwaterError(
    "METADATA_INVALID",
    `${name} has ${size} bytes, expected at most ${METADATA_LIMIT}`,
    { hint: "Is this really the metadata of an image? Real files have a few kilobytes." },
  );
}

function textOf(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new HeadwaterError("METADATA_INVALID", `${name} is not valid UTF-8`, { cause });
  }
}

/** The parsed file with what is needed to say where something is wrong. */
class MetadataFile {
  readonly root: YAMLMap;
  private readonly name: string;
  private readonly lines = new LineCounter();
  private readonly document: Document;

  constructor(name: string, text: string) {
    this.name = name;
    this.document = this.parse(text);
    const [problem] = [...this.document.errors, ...this.document.warnings];
    if (problem !== undefined) {
      const [what = ""] = problem.message.split("\n");
      throw this.invalid(undefined, printable(what).slice(0, 200), problem.pos[0]);
    }
    this.refuseBomb();
    const root = this.document.contents;
    if (!isMap(root)) throw this.invalid(root ?? undefined, "expected keys and values");
    this.root = root;
    this.assertUnique(root);
  }

  /** The node behind an alias, or the node itself. */
  resolve(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.document) : node;
  }

  invalid(node: Node | undefined, rule: string, position = node?.range?.[0]): HeadwaterError {
    const line = position === undefined ? undefined : this.lines.linePos(position).line;
    const where = line === undefined ? this.name : `${this.name} line ${line}`;
    return new HeadwaterError("METADATA_INVALID", `${where}: ${rule}`, {
      hint: "Correct metadata.yaml and build the image again.",
      details: { file: this.name, rule, ...(line === undefined ? {} : { line }) },
    });
  }

  /** The parser's own check compares every key with every other. */
  assertUnique(map: YAMLMap): void {
    const seen = new Set<unknown>();
    for (const { key } of map.items) {
      const value = this.resolve(key);
      const name = isScalar(value) ? value.value : value;
      if (seen.has(name)) throw this.invalid(nodeOf(key), `the key ${quoted(name)} comes twice`);
      seen.add(name);
    }
  }

  private parse(text: string): Document {
    try {
      return parseDocument(text, { lineCounter: this.lines, logLevel: "warn", uniqueKeys: false });
    } catch (cause) {
      // The parser is recursive: thousands of nested brackets run out of stack.
      throw new HeadwaterError("METADATA_INVALID", `${this.name} cannot be parsed as YAML`, { cause });
    }
  }

  private refuseBomb(): void {
    try {
      this.document.toJS({ maxAliasCount: ALIAS_LIMIT });
    } catch (cause) {
      throw new HeadwaterError("METADATA_INVALID", `${this.name} unfolds its aliases without end`, {
        hint: "Write the values out instead of using YAML anchors.",
        cause,
      });
    }
  }
}

function architectureOf(file: MetadataFile, root: YAMLMap): string {
  const node = root.get("architecture", true);
  const written = text(file, node, "architecture");
  if (written === undefined || written === "") {
    throw file.invalid(nodeOf(node), "architecture is missing");
  }
  const known = kernelArchitecture(written);
  if (known === undefined) {
    throw file.invalid(nodeOf(node), `architecture ${quoted(written)} is not known`);
  }
  return known;
}

function creationDateOf(file: MetadataFile, root: YAMLMap): number {
  const date = seconds(file, root, "creation_date");
  if (date === undefined) throw file.invalid(undefined, "creation_date is missing");
  if (date === 0) throw file.invalid(nodeOf(root.get("creation_date", true)), "creation_date must not be 0");
  return date;
}

/** A whole number, written bare: the daemons refuse a quoted one. */
function seconds(file: MetadataFile, root: YAMLMap, key: string): number | undefined {
  const node = root.get(key, true);
  const value = file.resolve(node);
  if (value === undefined || (isScalar(value) && value.value === null)) return undefined;
  const number = isScalar(value) ? value.value : undefined;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) {
    throw file.invalid(nodeOf(node), `${key} must be a whole number of seconds since 1970, without quotes`);
  }
  return number;
}

function propertiesOf(file: MetadataFile, root: YAMLMap): Map<string, string> {
  const properties = new Map<string, string>();
  for (const [key, node] of entriesOf(file, root, "properties")) {
    properties.set(key, text(file, node, `property ${quoted(key)}`) ?? "");
  }
  return properties;
}

function templatesOf(file: MetadataFile, root: YAMLMap): string[] {
  const names = new Set<string>();
  for (const [path, node] of entriesOf(file, root, "templates")) {
    const template = file.resolve(node);
    if (!isMap(template)) throw file.invalid(nodeOf(node), `template ${quoted(path)} must have keys`);
    const name = text(file, template.get("template", true), `template of ${quoted(path)}`);
    if (name !== undefined && name !== "") names.add(name);
  }
  return [...names];
}

function* entriesOf(file: MetadataFile, root: YAMLMap, key: string): Generator<[string, unknown]> {
  const node = root.get(key, true);
  const map = file.resolve(node);
  if (map === undefined || (isScalar(map) && map.value === null)) return;
  if (!isMap(map)) throw file.invalid(nodeOf(node), `${key} must have keys and values`);
  file.assertUnique(map);
  for (const pair of map.items) {
    const name = text(file, pair.key, `a key of ${key}`);
    if (name === undefined || name === "") throw file.invalid(nodeOf(pair.key), `${key} has an empty key`);
    yield [name, pair.value];
  }
}

/**
 * A scalar as the text it was written as, like Go's YAML reads it into a string: `3.20` stays `3.20` and `yes` stays `yes`.
 * Undefined when nothing is there.
 */
function text(file: MetadataFile, node: unknown, what: string): string | undefined {
  const value = file.resolve(node);
  if (value === undefined || value === null) return undefined;
  if (!isScalar(value))
    throw file.invalid(nodeOf(node), `${what} must be plain text, not a list or nested keys`);
  if (typeof value.value === "string") return value.value;
  return value.value === null ? undefined : value.source;
}

function nodeOf(node: unknown): Node | undefined {
  return isNode(node) ? node : undefined;
}

import { readFile } from "node:fs/promises";
import type { Document } from "yaml";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { HeadwaterError } from "../error.ts";
import { nearestName } from "./nearest-name.ts";
import { type Config, configSchema, type Setting, SETTINGS } from "./schema.ts";

export interface ConfigSources {
  /** The file; a missing one counts as empty unless `isRequired`. */
  readonly file: string;
  readonly isRequired?: boolean;
  /** Variables named HEADWATER_...; they win over the file. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Settings from the command line by key, such as `listen`; they win over both. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

/** No setting needs more; a file beyond this is not a configuration. */
const MAX_FILE_BYTES = 1024 * 1024;

/** The configuration: defaults, then the file, then the environment, then flags. Anything odd is one CONFIG_INVALID. */
export async function loadConfig({
  file,
  isRequired = false,
  environment = {},
  flags = {},
}: ConfigSources): Promise<Config> {
  const source = await readIfThere(file, isRequired);
  const origin = new Origin(file, source);
  const values = origin.values();
  for (const setting of SETTINGS) {
    const { key, variable } = setting;
    const text = variable === undefined ? undefined : environment[variable];
    if (text !== undefined && text !== "") {
      origin.override(key, `the variable ${variable}`);
      assign(values, key, fromText(setting, text));
    }
    const flag = flags[key];
    if (flag !== undefined) {
      origin.override(key, `the option --${key.replaceAll(".", "-")}`);
      assign(values, key, flag);
    }
  }
  const result = configSchema.safeParse(values);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw issue === undefined ? new Error("a failed check without an issue") : origin.explain(issue);
}

async function readIfThere(file: string, isRequired: boolean): Promise<string> {
  try {
    const bytes = await readFile(file);
    if (bytes.length <= MAX_FILE_BYTES) return bytes.toString("utf8");
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (isMissing && !isRequired) return "";
    throw new HeadwaterError("CONFIG_INVALID", `cannot read the configuration ${file}: ${String(error)}`, {
      hint: isMissing
        ? "Name an existing file with --config, or leave the option out."
        : "Check who may read it.",
      details: { file },
      cause: error,
    });
  }
  throw new HeadwaterError(
    "CONFIG_INVALID",
    `the configuration ${file} is larger than ${MAX_FILE_BYTES} bytes`,
    {
      hint: "Check that --config names the right file.",
      details: { file },
    },
  );
}

function fromText({ key, isList, isSwitch }: Setting, text: string): unknown {
  if (isSwitch === true && (text === "true" || text === "false")) return text === "true";
  if (isList === true) return text.split(",").map((part) => part.trim());
  return key === "workers" && /^[0-9]+$/.test(text) ? Number(text) : text;
}

function assign(values: Record<string, unknown>, key: string, value: unknown): void {
  const [first = "", second] = key.split(".");
  if (second === undefined) {
    values[first] = value;
    return;
  }
  const group = values[first];
  values[first] = { ...(typeof group === "object" && group !== null ? group : {}), [second]: value };
}

interface Issue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

/** Knows where each value came from, so that an error can name the line, the variable or the option. */
class Origin {
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;
  readonly #overrides = new Map<string, string>();

  constructor(file: string, source: string) {
    this.#file = file;
    this.#document = parseDocument(source, { lineCounter: this.#lines });
    const error = this.#document.errors[0];
    if (error !== undefined) {
      throw this.#invalid(
        error.pos[0],
        error.message.split("\n")[0] ?? "not YAML",
        "Correct the file at that line.",
        error,
      );
    }
  }

  values(): Record<string, unknown> {
    const { contents } = this.#document;
    if (contents === null) return {};
    if (!isMap(contents))
      throw this.#invalid(
        0,
        "expected settings, one `key: value` a line",
        "See docs/reference/configuration.md.",
      );
    try {
      // Aliases by the hundred are a bomb, not a configuration.
      const values: unknown = this.#document.toJS({ maxAliasCount: 10 });
      return { ...(typeof values === "object" ? values : {}) };
    } catch (cause) {
      throw this.#invalid(0, String(cause), "Write the settings without so many aliases.", cause);
    }
  }

  override(key: string, from: string): void {
    this.#overrides.set(key, from);
  }

  explain(issue: Issue): HeadwaterError {
    const path = issue.path.map(String);
    const unknown = issue.code === "unrecognized_keys" ? issue.keys?.[0] : undefined;
    const full = unknown === undefined ? path : [...path, unknown];
    const known = SETTINGS.map(({ key }) => key.split(".")).flatMap((parts) => parts[path.length] ?? []);
    const message =
      unknown === undefined
        ? `${full.join(".")}: ${issue.message}`
        : `there is no setting "${full.join(".")}"`;
    const nearest = unknown === undefined ? undefined : nearestName(unknown, known);
    const hint =
      nearest === undefined
        ? "See docs/reference/configuration.md for every setting."
        : `Did you mean "${nearest}"?`;
    const from = this.#overrides.get(full.join(".")) ?? this.#overrides.get(full[0] ?? "");
    if (from !== undefined)
      return new HeadwaterError("CONFIG_INVALID", `${from}: ${issue.message}`, { hint });
    return this.#invalid(this.#offsetOf(full), message, hint);
  }

  /** Where the value of a path starts, or the nearest thing around it that has a place. */
  #offsetOf(path: readonly string[]): number {
    for (let length = path.length; length > 0; length--) {
      const parent =
        length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, length - 1), true);
      if (!isMap(parent)) continue;
      const key = parent.items
        .map((pair) => pair.key)
        .find((candidate) => String(candidate) === path[length - 1]);
      if (isScalar(key) && key.range !== undefined && key.range !== null) return key.range[0];
    }
    return 0;
  }

  #invalid(offset: number, message: string, hint: string, cause?: unknown): HeadwaterError {
    const { line } = this.#lines.linePos(offset);
    return new HeadwaterError("CONFIG_INVALID", `${this.#file}, line ${Math.max(line, 1)}: ${message}`, {
      hint,
      details: { file: this.#file, line: Math.max(line, 1) },
      cause,
    });
  }
}

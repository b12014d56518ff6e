import { HeadwaterError } from "../error.ts";

/** What filters look at: an image as `headwater list` shows it. */
export interface Filterable {
  /** A bare word matches when any of these contains it. */
  readonly words: readonly string[];
  /** `key=value` looks up these; lists match when one of their values does. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

export type Filter = (image: Filterable) => boolean;

/** Turns `debian arch=arm64 type=vm release!=sid alias~^debian/` into one filter: all words must match. */
export function parseFilters(words: readonly string[], keys: readonly string[]): Filter {
  const filters = words.map((word) => parseFilter(word, keys));
  return (image) => filters.every((filter) => filter(image));
}

function parseFilter(word: string, keys: readonly string[]): Filter {
  const match = /^([A-Za-z][A-Za-z0-9._-]*)(!=|=|~)(.*)$/s.exec(word);
  if (match === null) {
    const wanted = word.toLowerCase();
    return ({ words }) => words.some((candidate) => candidate.toLowerCase().includes(wanted));
  }
  const [, key = "", operator = "=", value = ""] = match;
  requireKnown(key, keys);
  if (operator === "~") {
    const pattern = parsePattern(value, word);
    return ({ fields }) => (fields.get(key) ?? []).some((candidate) => pattern.test(candidate));
  }
  const isEqual: Filter = ({ fields }) =>
    (fields.get(key) ?? []).some((candidate) => candidate.toLowerCase() === value.toLowerCase());
  return operator === "!=" ? (image) => !isEqual(image) : isEqual;
}

function requireKnown(key: string, keys: readonly string[]): void {
  if (keys.includes(key) || key.startsWith("requirements.")) return;
  throw new HeadwaterError("USAGE", `no image has a key "${key}" to filter by`, {
    hint: `Known keys: ${keys.join(", ")}, requirements.<name>.`,
    details: { key },
  });
}

function parsePattern(source: string, word: string): RegExp {
  try {
    return new RegExp(source, "iu");
  } catch (cause) {
    throw new HeadwaterError("USAGE", `the filter "${word}" does not hold a valid regular expression`, {
      hint: "Quote it for the shell, and escape what is meant literally: 'alias~^debian/1[23]$'.",
      cause,
    });
  }
}

import { checkSize, notJson, parseJson } from "./json-text.ts";
import { hasRepeatedKeys, parseRepeatedKeys } from "./repeated-keys.ts";

/** encoding/json goes down this far (maxNestingDepth in its scanner.go); fields that nobody knows may be deep. */
const GO_LEVELS = 10_000;

/**
 * `JSON.parse` of what Go's encoding/json makes of the same bytes. Unlike `parseJson` it takes a text, number, list or null
 * too: whether Go can decode them into an object is a question of type. Throws DOCUMENT_INVALID and DOCUMENT_TOO_LARGE.
 */
export function parseAsClient(input: string | Uint8Array, name: string): unknown {
  checkSize(typeof input === "string" ? input.length : input.byteLength, name);
  const text = markFractions(replacingSurrogates(typeof input === "string" ? input : replacing(input)));
  if (!/^[ \t\r\n]*["[\d\-tfn]/.test(text)) {
    const parsed = parseJson(text, name, GO_LEVELS);
    return hasRepeatedKeys(text, parsed) ? parseRepeatedKeys(text) : parsed;
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notJson(name, text, cause);
  }
}

/** Go replaces bytes that are not UTF-8 instead of refusing them. */
function replacing(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Half of a surrogate pair, escaped, becomes U+FFFD in Go; JavaScript keeps it. */
function replacingSurrogates(text: string): string {
  if (!/\\u[dD][89a-fA-F]/.test(text)) return text;
  return text.replace(
    /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F]|u[dD][89a-fA-F]|.)[\da-fA-F]{0,2}/g,
    (escape) => (/^\\u[dD][89a-fA-F][\da-fA-F]{2}$/.test(escape) ? "\\ufffd" : escape),
  );
}

/** Go wants digits for an integer: `2.0` and `1e3` fail there, and JavaScript would not show the difference. */
function markFractions(text: string): string {
  return text.replace(
    /(?<!\\)("[sſ]ize"\s*:\s*)(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)/giu,
    (all, key: string, number: string) => (/[.e]/i.test(number) ? `${key}"${number}"` : all),
  );
}

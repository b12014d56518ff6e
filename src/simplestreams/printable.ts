/**
 * Text from outside, safe to print on a terminal: control characters, line separators, bidirectional overrides and
 * lone surrogates become `\uXXXX`, so that a name cannot move the cursor, colour a line or reverse what follows.
 *
 * @example
 * console.log(printable("12\u0007\u202e"));
 * // 12\u0007\u202e
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${hex4(character.charCodeAt(at))}`).join(""),
  );
}

/** A value from outside for a message: as JSON, at most `max` characters of it (a hash stays whole), safe to print. */
export function quoted(value: unknown, max = 64): string {
  if (value === undefined) return "nothing";
  // A string is cut before it is quoted, so that the closing quote stays and a huge value costs nothing.
  const short = typeof value === "string" && value.length > max ? `${value.slice(0, max)}…` : value;
  const text = printable(asJson(short));
  return text.length > max * 2 ? `${text.slice(0, max * 2)}…` : text;
}

/** JSON.stringify calls itself for each level, and what came from outside may have ten thousand. */
function asJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return "something nested very deep";
  }
}

function hex4(code: number): string {
  return code.toString(16).padStart(4, "0");
}

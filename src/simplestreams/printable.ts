/**
 * Text from outside, safe to print on a terminal: control characters, line separators, bidirectional overrides and
 * lone surrogates become `\uXXXX`, so that a name cannot move the cursor, colour a line or reverse what follows.
 *
 * @example
 * console.log(printable("12\u0007\u202e"));
 * // 12\u0007\u202e
 */
export function printable(text: string): string {
  // Nearly all texts are plain, and there may be a hundred thousand of them.
  if (/^[ -~]*$/.test(text)) return text;
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${hex4(character.charCodeAt(at))}`).join(""),
  );
}

/** A value from outside for a message: as JSON, at most `max` characters of it (a hash stays whole), safe to print. */
export function quoted(value: unknown, max = 64): string {
  if (value === undefined) return "nothing";
  // A plain string is its own JSON; any other is cut before it is quoted, so that the closing quote stays and a huge value costs nothing.
  if (typeof value === "string" && value.length <= max && /^[ !#-[\]-~]*$/.test(value)) return `"${value}"`;
  const short = typeof value === "string" && value.length > max ? `${beginning(value, max)}…` : value;
  const text = printable(asJson(short));
  return text.length > max * 2 ? `${beginning(text, max * 2)}…` : text;
}

/** Not between the two halves of one character: a half alone is not safe to print. */
function beginning(text: string, length: number): string {
  return text.slice(0, /[\uD800-\uDBFF]/.test(text.charAt(length - 1)) ? length - 1 : length);
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

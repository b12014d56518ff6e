/**
 * Control characters (C0, DEL, C1), line and paragraph separators, lone surrogates, and the invisible characters that
 * reorder or hide text. Names and descriptions come out of images: raw, they could clear a terminal, forge a line, or
 * swap what is read.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text with every such character written as `\u001b`. */
export function visible(text: string): string {
  return text.replace(UNSAFE, escapeOf);
}

/**
 * JSON or YAML source with every such character inside its strings written as an escape. What a parser reads stays the
 * same. `source` must hold them in double-quoted strings only; line feeds of the layout stay.
 */
export function visibleSource(source: string): string {
  return source.replace(UNSAFE, (character) => (character === "\n" ? character : escapeOf(character)));
}

export function hasUnsafe(text: string): boolean {
  return text.search(UNSAFE) !== -1;
}

/** One escape per UTF-16 unit, as JSON has them. */
function escapeOf(character: string): string {
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

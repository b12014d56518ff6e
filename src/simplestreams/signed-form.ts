/**
 * What other readers ask of JSON in a clear-signed document (`.sjson`): no line of GnuPG may be longer than 20,000 characters
 * (`MAX_LINELEN` in `g10/armor.c`: a longer one is cut, and the signature is bad), and python-simplestreams splits lines as Python does,
 * at U+2028 and others of that kind too (`read_signed` in `simplestreams/util.py`).
 */
const LONG_LINE = 1000;
/** What a text that cannot be broken may come to, with whatever else is on its line. */
export const LONGEST_LINE = 19_000;

/** The same JSON in ASCII and in lines that are not long, without the last line feed. */
export function signableText(json: string): string {
  let lineStart = 0;
  const inLines = json.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|,|\n/g, (token, offset: number) => {
    if (token.startsWith('"')) return token;
    if (token === "," && offset - lineStart < LONG_LINE) return token;
    lineStart = offset;
    return token === "," ? ",\n" : token;
  });
  return inLines.replace(/[\u0080-\uffff]/g, escaped).trimEnd();
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Where the signed form of a document is. */
export function signedPath(path: string): string {
  return path.replace(/\.json$/, ".sjson");
}

/** An index that names the signed forms of its products files: who begins with a signed document reads nothing unsigned after it. */
export function signedIndex(json: string): string {
  const document = JSON.parse(json) as { readonly index?: Record<string, { path?: unknown }> };
  for (const entry of Object.values(document.index ?? {})) {
    if (typeof entry.path === "string") entry.path = signedPath(entry.path);
  }
  return signableText(JSON.stringify(document, undefined, 2));
}

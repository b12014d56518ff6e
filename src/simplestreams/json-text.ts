import { HeadwaterError } from "../error.ts";
import { printable, quoted } from "./printable.ts";

/** Bytes of one document, before parsing. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;
/** Levels of `{` and `[` in one document. A products file has eight. */
export const MAX_DOCUMENT_LEVELS = 64;

/**
 * Text of a document that came from outside, checked before `JSON.parse` spends memory on it: at most 64 MiB, at most 64
 * levels (or as many as given), one complete JSON object and nothing around it. Go's decoder refuses a byte order mark and trailing bytes, so
 * such a document is refused here as well.
 */
export function documentText(
  input: string | Uint8Array,
  name: string,
  levels: number = MAX_DOCUMENT_LEVELS,
): string {
  checkSize(typeof input === "string" ? input.length : input.byteLength, name);
  const text = typeof input === "string" ? input : decoded(input, name);
  checkStart(text, name);
  checkNesting(text, name, levels);
  return text;
}

/** `JSON.parse` after `documentText`; what is wrong is said with its place. */
export function parseJson(input: string | Uint8Array, name: string, levels?: number): unknown {
  const text = documentText(input, name, levels);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? printable(cause.message) : "not JSON";
    throw invalid(name, `it is not JSON: ${reason}`, cause);
  }
}

/** The error for a document that cannot be used; `what` completes the sentence. */
export function invalid(name: string, what: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("DOCUMENT_INVALID", `cannot use ${shownName(name)}: ${what}`, {
    hint: "Correct it where it is made; clients refuse a whole file for one wrong value.",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Throws DOCUMENT_TOO_LARGE. A string is counted in characters, which are never more than its bytes. */
export function checkSize(size: number, name: string): void {
  if (size <= MAX_DOCUMENT_BYTES) return;
  throw tooLarge(name, `expected at most ${MAX_DOCUMENT_BYTES} bytes, got ${size}`);
}

function tooLarge(name: string, what: string): HeadwaterError {
  return new HeadwaterError("DOCUMENT_TOO_LARGE", `cannot use ${shownName(name)}: ${what}`);
}

/** A document may be called by a path from outside. */
function shownName(name: string): string {
  return printable(name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name);
}

const MAX_NAME = 300;

function decoded(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalid(name, "expected UTF-8 text, got other bytes", cause);
  }
}

function checkStart(text: string, name: string): void {
  const first = /[^ \t\r\n]/.exec(text.slice(0, 4096))?.[0];
  if (first === "{") return;
  if (text.length === 0) throw invalid(name, "it is empty");
  if (first === "\uFEFF") throw invalid(name, "it starts with a byte order mark, which Incus and LXD refuse");
  if (first === "<") throw invalid(name, "expected JSON, got what looks like an HTML page");
  throw invalid(name, `expected a JSON object, got ${quoted(text.slice(0, 200))}`);
}

/** One pass over the text. Strings are skipped by searching for their end, which is most of a document. */
function checkNesting(text: string, name: string, levels: number): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
      if (at === -1) throw invalid(name, "it ends inside a string: the file was cut off");
    } else if (code === 0x7b || code === 0x5b) {
      depth++;
      if (depth > levels) {
        const what = `expected at most ${levels} levels, got more at character ${at}`;
        // The limit is ours, or that of a client, which takes such a text for broken.
        throw levels === MAX_DOCUMENT_LEVELS ? tooLarge(name, what) : invalid(name, what);
      }
    } else if (code === 0x7d || code === 0x5d) {
      depth--;
      if (depth === 0) return checkEnd(text, at + 1, name);
      if (depth < 0) throw invalid(name, `it closes more than it opened at character ${at}`);
    } else if (code === 0) {
      throw invalid(name, `it has a NUL byte at character ${at}`);
    }
  }
  throw invalid(name, "it ends before its object is closed: the file was cut off");
}

function checkEnd(text: string, from: number, name: string): void {
  const rest = /[^ \t\r\n]/.exec(text.slice(from));
  if (rest === null) return;
  throw invalid(
    name,
    `it goes on after its end at character ${from + rest.index}: ${quoted(text.slice(from + rest.index, from + rest.index + 200))}`,
  );
}

/** Position of the quote that ends the string starting at `start`, or -1. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return -1;
}

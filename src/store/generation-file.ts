import { HeadwaterError } from "../error.ts";
import type { DocumentRecord, Generation } from "./generation.ts";
import { FORMAT } from "./generation.ts";

/** The bytes of a generation file: JSON for people to read, two spaces, a final newline. */
export function encodeGeneration(generation: Generation): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(generation, undefined, 2)}\n`);
}

/** Reads one back. `where` is for messages. Throws STORE_NEWER or STORE_UNUSABLE. */
export function parseGeneration(bytes: Uint8Array, where: string): Generation {
  const value = parseJson(bytes, where);
  const format = isObject(value) ? value["format"] : undefined;
  if (typeof format === "number" && format > FORMAT) {
    throw new HeadwaterError(
      "STORE_NEWER",
      `${where} was written by a newer Headwater: its format is ${format}, this program reads up to ${FORMAT}.`,
      { hint: "Upgrade this program.", details: { found: format, supported: FORMAT } },
    );
  }
  if (!isGeneration(value)) throw damaged(where, "a field is missing or of the wrong kind");
  return { ...value, documents: withoutPrototype(value.documents) };
}

/** URL paths are foreign names: `documents["constructor"]` must be nothing. */
function withoutPrototype(
  documents: Readonly<Record<string, DocumentRecord>>,
): Readonly<Record<string, DocumentRecord>> {
  const own = Object.create(null) as Record<string, DocumentRecord>;
  for (const [path, record] of Object.entries(documents)) own[path] = record;
  return own;
}

function parseJson(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw damaged(where, "it is not JSON", error);
  }
}

function damaged(where: string, why: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("STORE_UNUSABLE", `${where} is damaged: ${why}.`, {
    hint: "Put this file back from a backup; the other files of the store are untouched.",
    ...(cause === undefined ? {} : { cause }),
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isGeneration(value: unknown): value is Generation {
  return (
    isObject(value) &&
    ["format", "rules", "number", "parent"].every((key) => Number.isSafeInteger(value[key])) &&
    typeof value["id"] === "string" &&
    typeof value["createdAt"] === "string" &&
    Number.isFinite(Date.parse(value["createdAt"])) &&
    isObject(value["reason"]) &&
    areOlderThan(value["keeps"], value["number"]) &&
    Array.isArray(value["streams"]) &&
    value["streams"].every(isStream) &&
    isObject(value["documents"]) &&
    Object.values(value["documents"]).every(isDocument)
  );
}

/** Bounded by the generation's own number, so that nobody counts through a damaged range for ever. */
function areOlderThan(keeps: unknown, number: unknown): boolean {
  const isRange = (range: unknown): boolean => {
    if (!Array.isArray(range) || range.length !== 2) return false;
    const [from, to]: readonly unknown[] = range;
    const whole = Number.isSafeInteger(from) && Number.isSafeInteger(to);
    return whole && 0 < Number(from) && Number(from) <= Number(to) && Number(to) < Number(number);
  };
  return Array.isArray(keeps) && keeps.every(isRange);
}

function isStream(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value["name"] === "string" &&
    Array.isArray(value["products"]) &&
    Array.isArray(value["hidden"])
  );
}

function isDocument(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value["sha256"] === "string" &&
    /^[0-9a-f]{64}$/.test(value["sha256"]) &&
    Number.isSafeInteger(value["size"]) &&
    (value["encoding"] === "gzip" || value["encoding"] === "identity") &&
    typeof value["type"] === "string"
  );
}

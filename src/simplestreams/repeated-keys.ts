import { isObject, type RawObject } from "./containers.ts";

/**
 * A second value for the same field of a Go struct. Maps are not begun anew: the members of both are there, and null empties
 * them. Null leaves anything else as it was (encoding/json, Unmarshal).
 */
export function assignAgain(struct: RawObject, name: string, value: unknown): void {
  const before = Object.hasOwn(struct, name) ? struct[name] : undefined;
  if (isObject(before) && isObject(value)) setOwn(struct, name, merged(before, value));
  else if (isObject(before) || value !== null) setOwn(struct, name, value);
}

function merged(before: RawObject, after: RawObject): RawObject {
  const isOurs = mergedBefore.has(before);
  const both = isOurs ? before : Object.fromEntries(Object.entries(before));
  for (const [key, value] of Object.entries(after)) setOwn(both, key, value);
  if (!isOurs) mergedBefore.add(both);
  return both;
}

/** Objects that were made here, which may grow: a key may repeat a hundred thousand times. */
const mergedBefore = new WeakSet<RawObject>();

/** `JSON.parse` has the last of several values under one key and does not tell that there were others: more colons than keys do. */
export function hasRepeatedKeys(text: string, parsed: unknown): boolean {
  return countColons(text) !== countKeys(parsed);
}

function countColons(text: string): number {
  let count = 0;
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) inText = !inText;
    else if (inText && code === 0x5c) at++;
    else if (!inText && code === 0x3a) count++;
  }
  return count;
}

function countKeys(parsed: unknown): number {
  let count = 0;
  const left = [parsed];
  while (left.length > 0) {
    const value = left.pop();
    if (Array.isArray(value)) for (const member of value) left.push(member);
    else if (isObject(value)) {
      for (const member of Object.values(value)) {
        count++;
        if (typeof member === "object") left.push(member);
      }
    }
  }
  return count;
}

/** Strings, signs, and whatever else stands between them. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * Parses a text that is known to be JSON as Go does where keys repeat. Objects alternate in the documents of simplestreams:
 * structs at the top and in every second level, maps of names between them. A name that repeats in a map begins anew.
 */
export function parseRepeatedKeys(text: string): unknown {
  const top: unknown[] = [];
  const open: (RawObject | unknown[])[] = [top];
  const keys: (string | undefined)[] = [undefined];
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === ":" || token === ",") continue;
    if (token === "}" || token === "]") {
      const value = open.pop();
      keys.pop();
      place(open, keys, value);
      continue;
    }
    const isKey = !Array.isArray(open.at(-1)) && keys.at(-1) === undefined;
    if (token === "{" || token === "[") {
      open.push(token === "{" ? {} : []);
      keys.push(undefined);
    } else if (isKey) keys[keys.length - 1] = JSON.parse(token) as string;
    else place(open, keys, JSON.parse(token));
  }
  return top[0];
}

/** The container that is open gets a value, under the key that was read before it. */
function place(open: readonly (RawObject | unknown[])[], keys: (string | undefined)[], value: unknown): void {
  const container = open.at(-1);
  const key = keys.at(-1);
  if (Array.isArray(container)) container.push(value);
  else if (container !== undefined && key !== undefined) {
    const isStruct = open.length % 2 === 0;
    if (isStruct && Object.hasOwn(container, key)) assignAgain(container, key, value);
    else setOwn(container, key, value);
    keys[keys.length - 1] = undefined;
  }
}

/** Also for `__proto__`. */
function setOwn(object: RawObject, key: string, value: unknown): void {
  if (key !== "__proto__") object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

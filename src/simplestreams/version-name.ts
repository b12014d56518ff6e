import { HeadwaterError } from "../error.ts";

/**
 * How a client reads the time in a version name. `day`: only the first eight characters count (Incus, and LXD before
 * 6.2 and 5.21.3: shared/simplestreams/products.go parses `name[0:8]`). `minute`: exactly `YYYYMMDD_HHMM` keeps its time,
 * anything else falls back to the day (LXD since).
 */
export type VersionPrecision = "day" | "minute";

/**
 * The name of a version made at `date`: `YYYYMMDD_HHMM`, UTC. Fixed width, because clients compare names as strings. Throws
 * NAME_INVALID for a year of more or fewer than four digits.
 *
 * @example
 * console.log(versionName(new Date("2026-01-01T08:42:30+01:00")));
 * // 20260101_0742
 */
export function versionName(date: Date): string {
  const year = date.getUTCFullYear();
  if (!(year >= 1000 && year <= 9999)) {
    throw new HeadwaterError(
      "NAME_INVALID",
      `no version name for this date: expected a year from 1000 to 9999, got ${year}`,
    );
  }
  const day = `${year}${two(date.getUTCMonth() + 1)}${two(date.getUTCDate())}`;
  return `${day}_${two(date.getUTCHours())}${two(date.getUTCMinutes())}`;
}

/**
 * The date a client takes from a version name; undefined when the client does not list such a version at all.
 *
 * @example
 * const name = "20260101_0742";
 * console.log(versionDate(name, "day").toISOString(), versionDate(name, "minute").toISOString());
 * // 2026-01-01T00:00:00.000Z 2026-01-01T07:42:00.000Z
 * console.log(versionDate("2026-01-01", "day"), versionDate("20260230", "day"));
 * // undefined undefined
 */
export function versionDate(name: string, precision: VersionPrecision): Date | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(?:_([01]\d|2[0-3])([0-5]\d)$)?/.exec(name);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute] = parts.slice(1).map((part) => Number(part ?? 0));
  const date = new Date(0);
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year ?? 0, (month ?? 0) - 1, day ?? 0);
  // 20240230 would become the first of March; clients refuse it.
  if (date.getUTCMonth() + 1 !== month || date.getUTCDate() !== day) return undefined;
  if (precision === "minute") date.setUTCHours(hour ?? 0, minute ?? 0);
  return date;
}

/** The date in a version name, with its time when the name is exactly `YYYYMMDD_HHMM`. */
export function parseVersionName(name: string): Date | undefined {
  return versionDate(name, "minute");
}

/** Whether Incus and LXD list a version of this name: it starts with a real date `YYYYMMDD`. */
export function isVisibleVersion(name: string): boolean {
  return versionDate(name, "day") !== undefined;
}

/** The name for a version made at `date`, or the next free minute when that name is taken. */
export function nextFreeVersion(taken: Iterable<string>, date: Date): string {
  const names = new Set(taken);
  let at = date.getTime();
  while (names.has(versionName(new Date(at)))) at += 60_000;
  return versionName(new Date(at));
}

/**
 * For `sort`: newest version first, as clients order them: as plain strings, byte by byte, descending.
 *
 * @example
 * console.log(["20260101", "20260301", "20260201"].sort(compareVersions));
 * // ["20260301","20260201","20260101"]
 */
export function compareVersions(a: string, b: string): number {
  return compareBytes(b, a);
}

/** The version that clients take for the newest; undefined when there is none. */
export function newestVersion(names: Iterable<string>): string | undefined {
  let newest: string | undefined;
  for (const name of names) if (newest === undefined || compareVersions(name, newest) < 0) newest = name;
  return newest;
}

/**
 * Compares as Go compares strings: by UTF-8 bytes. JavaScript compares UTF-16 units, which puts characters beyond
 * U+FFFF before U+E000.
 */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  const units = a < b ? -1 : 1;
  // Without surrogates both orders are the same.
  if (!SURROGATE.test(a) && !SURROGATE.test(b)) return units;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = rank(a.charCodeAt(at)) - rank(b.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const SURROGATE = /[\uD800-\uDFFF]/;

/** Surrogates after the rest of the basic plane. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

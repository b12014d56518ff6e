/** Directives by name in lower case; the value as it is written, without quotes. Of several the first counts (RFC 9111 section 4.2.1). */
export function parseCacheControl(text: string): ReadonlyMap<string, string | undefined> {
  const directives = new Map<string, string | undefined>();
  const entries = text.matchAll(/([^\s,=;"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?[^,]*/g);
  for (const [, name = "", quoted, token] of entries) {
    const key = name.toLowerCase();
    if (!directives.has(key)) directives.set(key, quoted?.replace(/\\(.)/g, "$1") ?? token);
  }
  return directives;
}

/** What RFC 9111 section 1.2.2 has for a number that is too large. */
const FOR_EVER = 2 ** 31;

/**
 * Seconds for which a cache between server and clients may answer by itself (RFC 9111 section 4.2); 0 when it must ask, undefined when the
 * server leaves it to the cache.
 */
export function sharedFreshness(headers: Readonly<Record<string, string>>): number | undefined {
  const directives = parseCacheControl(headers["cache-control"] ?? "");
  // With names of headers these two are about those headers only.
  const isMeant = (name: string) => directives.has(name) && (directives.get(name) ?? "") === "";
  if (directives.has("no-store") || isMeant("no-cache") || isMeant("private")) return 0;
  for (const name of ["s-maxage", "max-age"]) {
    if (directives.has(name)) return secondsIn(directives.get(name));
  }
  const { expires } = headers;
  if (expires === undefined) return undefined;
  // What is no date, such as 0, is in the past.
  const lifetime = (Date.parse(expires) - Date.parse(headers["date"] ?? "")) / 1000;
  return Number.isNaN(lifetime) ? 0 : Math.min(Math.max(lifetime, 0), FOR_EVER);
}

/** What is no number is taken for stale (RFC 9111 section 4.2.1). */
function secondsIn(value: string | undefined): number {
  return /^\d+$/.test(value ?? "") ? Math.min(Number(value), FOR_EVER) : 0;
}

/** The two headers a client may ask with. */
export interface Conditions {
  readonly "if-none-match"?: string | undefined;
  readonly "if-modified-since"?: string | undefined;
}

/** RFC 9110 section 13.2.2: tags first and alone when given, the date otherwise. */
export function isNotModified(conditions: Conditions, etag: string, modifiedMs?: number): boolean {
  const tags = conditions["if-none-match"];
  if (tags !== undefined) return matchesTag(tags, etag);
  const since = conditions["if-modified-since"];
  if (since === undefined || modifiedMs === undefined) return false;
  const sinceMs = Date.parse(since);
  // HTTP dates have whole seconds. NaN compares false: a date nobody can read is no condition.
  return Math.floor(modifiedMs / 1000) * 1000 <= sinceMs;
}

/** Weak comparison, which is what If-None-Match wants. */
function matchesTag(header: string, etag: string): boolean {
  if (header.trim() === "*") return true;
  return header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

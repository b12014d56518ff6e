const MAX_LENGTH = 100;

/**
 * A name as a part of a path: lower-case ASCII letters, digits, `.`, `-` and `_`. Defined for every text:
 * accents are dropped (`Médiéval` → `medieval`), every other run of characters becomes one `-`, `.` and `-` at
 * either end go, and 100 characters are kept. What has nothing left is spelled by its code points (`日本` →
 * `u65e5-672c`), an empty name is `unnamed`. The slug of a slug is itself; it is never empty, `.` or `..`.
 */
export function slug(name: string): string {
  const text = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-");
  const trimmed = trim(text);
  if (trimmed !== "") return trimmed;
  const points = Array.from(name, (character) => (character.codePointAt(0) ?? 0).toString(16));
  return points.length === 0 ? "unnamed" : trim(`u${points.join("-")}`);
}

/** Whether two different names have one slug, so that they cannot live side by side. */
export function sameSlug(a: string, b: string): boolean {
  return a !== b && slug(a) === slug(b);
}

/**
 * The first of `names` that is different and has the same slug.
 *
 * @example
 * console.log(slugClash("Rocky Linux", ["alma", "rocky-linux"]));
 * // rocky-linux
 */
export function slugClash(name: string, names: Iterable<string>): string | undefined {
  for (const other of names) if (sameSlug(name, other)) return other;
  return undefined;
}

function trim(text: string): string {
  return text
    .replace(/^[.-]+/, "")
    .slice(0, MAX_LENGTH)
    .replace(/[.-]+$/, "");
}

import { HeadwaterError } from "../error.ts";
import { printable, quoted } from "./printable.ts";

/** Bytes of one path that some file system or proxy could not hold. */
const MAX_LENGTH = 1024;

/**
 * A path from a document, for joining to a folder or a base URL: returns it unchanged when it can only lead below, and
 * means the same to every client, else throws PATH_UNSAFE. Refused are a scheme, a leading or trailing `/`, `//`, `.` and
 * `..`, a backslash, control and formatting characters, and `%`, `?` and `#`, which the clients escape each in their own way.
 */
export function parseRelativePath(path: string): string {
  const problem = pathProblem(path);
  if (problem === undefined) return path;
  throw new HeadwaterError("PATH_UNSAFE", `cannot use the path ${quoted(path)}: ${problem}`, {
    hint: "Paths in an index are relative to its server, such as debian/12/amd64/rootfs.squashfs.",
    details: { path: printable(path.slice(0, MAX_LENGTH)) },
  });
}

/**
 * Whether `parseRelativePath` takes it.
 *
 * @example
 * console.log(["debian/12/rootfs.squashfs", "/etc/passwd", "a/../b", "a?b"].map(isRelativePath));
 * // [true,false,false,false]
 */
export function isRelativePath(path: string): boolean {
  return pathProblem(path) === undefined;
}

/** What keeps a path from leading below, and to one place only, as half a sentence; undefined when nothing does. */
export function pathProblem(path: string): string | undefined {
  if (path === "") return "it is empty";
  if (path.length > MAX_LENGTH) return `expected at most ${MAX_LENGTH} characters, got ${path.length}`;
  if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(path)) return "it has a control character";
  if (path.includes("\\")) return "it has a backslash";
  if (path.startsWith("/")) return "it is absolute";
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) return "it has a scheme, as a URL has";
  if (/[%?#]/.test(path)) return 'it has a "%", "?" or "#"';
  for (const part of path.split("/")) {
    if (part === "") return 'it has an empty part ("//", or "/" at its end)';
    if (part === "." || part === "..") return `it has ${quoted(part)} as a part`;
  }
  return undefined;
}

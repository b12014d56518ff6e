/** A request target as a look-up key: no leading slash, decoded, no empty or dot segments. `undefined` when no file can have that name. */
export function keyOfTarget(target: string): string | undefined {
  const path = pathOf(target);
  if (path === undefined) return undefined;
  // The common case, and the hot one: nothing to decode, nothing to collapse.
  if (PLAIN.test(path)) return path.slice(1);
  const segments: string[] = [];
  for (const raw of path.split("/")) {
    // LXC joins its base and `/meta/1.0/...` with two slashes.
    if (raw === "") continue;
    const segment = decodeSegment(raw);
    if (segment === undefined) return undefined;
    segments.push(segment);
  }
  // A file is not a folder: `/x/` is not `/x`.
  const isFolder = path.endsWith("/") && segments.length > 0;
  return `${segments.join("/")}${isFolder ? "/" : ""}`;
}

/** The longest path that is looked at; item paths are far shorter. */
const MAX_LENGTH = 4096;
const PLAIN = /^(?:\/[A-Za-z0-9_:+@-][A-Za-z0-9_.:+@-]*)+$/;

/** Without query and fragment; an absolute-form target (`GET http://host/path`) loses its authority. */
function pathOf(target: string): string | undefined {
  const end = target.search(/[?#]/);
  const bare = end === -1 ? target : target.slice(0, end);
  if (bare.length > MAX_LENGTH) return undefined;
  if (bare.startsWith("/")) return bare;
  const absolute = /^https?:\/\/[^/]*(\/.*)?$/i.exec(bare);
  return absolute === null ? undefined : (absolute[1] ?? "/");
}

function decodeSegment(raw: string): string | undefined {
  let segment: string;
  try {
    segment = decodeURIComponent(raw);
  } catch {
    // Not UTF-8, or a lone percent sign: no file has that name.
    return undefined;
  }
  // A slash or backslash that was encoded would mean another folder to somebody; control characters end up in logs.
  return segment === "." || segment === ".." || UNSAFE.test(segment) ? undefined : segment;
}

const UNSAFE = /[/\\\p{Cc}]/u;

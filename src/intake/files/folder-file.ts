import { realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { HeadwaterError } from "../../error.ts";

/**
 * The file behind a name in a folder that somebody else filled: links are followed as long as they stay inside, as with
 * trees of links, and refused when they lead out, since they could publish any file of this machine.
 * @param root the folder, with its own links resolved
 * @throws PATH_UNSAFE, FILE_UNREADABLE
 */
export async function fileInFolder(root: string, name: string): Promise<string> {
  const wanted = join(root, name);
  const real = await realPath(wanted);
  if (real.startsWith(root.endsWith(sep) ? root : root + sep)) return real;
  throw new HeadwaterError("PATH_UNSAFE", `${wanted} is a link that leaves ${root}`, {
    hint: "Copy the file itself there, or name the files of one image one by one.",
    details: { file: wanted },
  });
}

/** The path without links. @throws FILE_UNREADABLE */
export async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

const REASONS = new Map([
  ["ENOENT", "there is no such file"],
  ["EACCES", "permission denied"],
  ["ELOOP", "its links go in a circle"],
  ["ENOTDIR", "a part of its path is not a folder"],
]);

export function unreadable(path: string, cause: unknown): HeadwaterError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const reason = REASONS.get(code) ?? (cause instanceof Error ? cause.message : String(cause));
  return new HeadwaterError("FILE_UNREADABLE", `cannot read ${path}: ${reason}`, {
    hint: "Is everything copied, and readable for this user?",
    details: { file: path, reason: code },
    cause,
  });
}

import { HeadwaterError } from "../../error.ts";
import { clear } from "../tree/target-errors.ts";

/** What to do about a bundle is not what to do about a tree. */
const HINTS: ReadonlyMap<unknown, string> = new Map([
  ["ENOSPC", "Nothing of it is left there. Make room, or name another folder."],
  ["EDQUOT", "Nothing of it is left there. Make room, or name another folder."],
  ["EFBIG", "Cut it into parts that this file system holds: --part-size 4GB."],
  ["ENOENT", "Make the folder first, or name another one."],
  ["EISDIR", "Move that folder away, or name another file."],
]);

/** The result; a failure of the system is a sentence for people. */
export async function clearly<T>(verb: string, path: string, result: Promise<T>): Promise<T> {
  try {
    return await clear(verb, path, result);
  } catch (error) {
    const hint = error instanceof HeadwaterError ? HINTS.get(error.details["errno"]) : undefined;
    if (!(error instanceof HeadwaterError) || hint === undefined) throw error;
    throw new HeadwaterError(error.code, error.message, { hint, details: error.details, cause: error });
  }
}

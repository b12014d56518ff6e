import { HeadwaterError } from "../../error.ts";

/** The errno name of a failed call, or undefined for an error of another kind. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

interface Trouble {
  readonly code: "TARGET_UNUSABLE" | "TARGET_FULL";
  /** Half a sentence. */
  readonly why: string;
  readonly hint?: string;
}

const FULL_HINT =
  "Nothing that the tree lists is affected. Make room, then run this again: it goes on from here.";
const RIGHTS_HINT = "Run this as the user who owns the folder, or give that user access to this path.";

const TROUBLES: ReadonlyMap<string, Trouble> = new Map([
  ["ENOSPC", { code: "TARGET_FULL", why: "the disk is full", hint: FULL_HINT }],
  ["EDQUOT", { code: "TARGET_FULL", why: "the disk quota is used up", hint: FULL_HINT }],
  ["EFBIG", { code: "TARGET_FULL", why: "this file system holds no file of that size", hint: FULL_HINT }],
  ["EACCES", { code: "TARGET_UNUSABLE", why: "permission denied", hint: RIGHTS_HINT }],
  ["EPERM", { code: "TARGET_UNUSABLE", why: "permission denied", hint: RIGHTS_HINT }],
  [
    "EROFS",
    {
      code: "TARGET_UNUSABLE",
      why: "the file system is read-only",
      hint: "Mount it writable, or name another folder.",
    },
  ],
  [
    "ENOTDIR",
    {
      code: "TARGET_UNUSABLE",
      why: "a part of this path is not a folder",
      hint: "Name a folder, or move away what is in its place.",
    },
  ],
  [
    "EISDIR",
    {
      code: "TARGET_UNUSABLE",
      why: "a folder is there instead of a file",
      hint: "Move that folder away, or name another folder for the tree.",
    },
  ],
  [
    "EXDEV",
    {
      code: "TARGET_UNUSABLE",
      why: "it is on another file system than the rest of the tree",
      hint: "A tree has to lie on one file system, so that files appear whole. Unmount what is below it.",
    },
  ],
  [
    "ENOENT",
    {
      code: "TARGET_UNUSABLE",
      why: "there is no such file or folder",
      hint: "Somebody removed it meanwhile, or there has been no export to here yet.",
    },
  ],
  [
    "EIO",
    {
      code: "TARGET_UNUSABLE",
      why: "the disk reports an error (EIO)",
      hint: "Look at the kernel log.",
    },
  ],
] as const);

/** The result; a failure of the system is a sentence for people. */
export async function clear<T>(verb: string, path: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || error instanceof HeadwaterError) throw error;
    const { code, why, hint } = TROUBLES.get(errno) ?? {
      code: "TARGET_UNUSABLE",
      why: `the system answers ${errno}`,
      hint: undefined,
    };
    throw new HeadwaterError(code, `Cannot ${verb} ${path}: ${why}.`, {
      ...(hint === undefined ? {} : { hint }),
      details: { path, errno },
      cause: error,
    });
  }
}

export function notAFolder(path: string, isLink: boolean): HeadwaterError {
  return new HeadwaterError(
    "TARGET_UNUSABLE",
    `${path} is ${isLink ? "a symbolic link" : "a file"} where the tree needs a folder.`,
    {
      hint: isLink
        ? "Links inside a tree are not followed. Remove it, or export to the folder that it leads to."
        : "Move it away, or name another folder for the tree.",
      details: { path },
    },
  );
}

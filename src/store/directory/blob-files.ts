import { constants } from "node:fs";
import { copyFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { BlobFiles, SharingOutcome } from "../blob-files.ts";
import { locate } from "./blobs.ts";
import { errnoOf, nodeDisk } from "./disk.ts";
import { type Ground, orMissing } from "./ground.ts";
import { layoutOf } from "./layout.ts";

/** What these two file systems, or rules about them, do not allow; `EMLINK`: the blob has as many names as it can. */
const IMPOSSIBLE = new Set([
  "EXDEV",
  "ENOTSUP",
  "EOPNOTSUPP",
  "EINVAL",
  "ENOSYS",
  "ENOTTY",
  "EPERM",
  "EMLINK",
]);

/** The files of a store in a folder. They are only read and linked. */
export function directoryBlobFiles(folder: string): BlobFiles {
  const layout = layoutOf(resolve(folder));
  const ground: Ground = { disk: nodeDisk, layout, owner: undefined, prepare: async () => undefined };
  const share = async (sha256: string, make: (blob: string) => Promise<void>): Promise<SharingOutcome> =>
    (await locate(ground, sha256, (blob) => outcomeOf(make(blob)))) ?? { kind: "missing" };
  const asReflink = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE;
  return {
    folder: layout.data,
    reflink: (sha256, to) => share(sha256, (blob) => copyFile(blob, to, asReflink)),
    hardLink: (sha256, to) => share(sha256, (blob) => nodeDisk.link(blob, to)),
    openFile: async (sha256) => {
      const fd = await locate(ground, sha256, (blob) => orMissing(nodeDisk.open(blob, "read")));
      return fd === undefined ? undefined : { fd, close: () => nodeDisk.close(fd) };
    },
  };
}

/** Undefined when the blob is not where it was looked for. */
async function outcomeOf(made: Promise<void>): Promise<SharingOutcome | undefined> {
  try {
    await made;
    return { kind: "done" };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") return undefined;
    if (errno !== undefined && IMPOSSIBLE.has(errno)) return { kind: "impossible", errno };
    throw error;
  }
}

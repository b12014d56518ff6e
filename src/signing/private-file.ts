import { open } from "node:fs/promises";
import { HeadwaterError } from "../error.ts";

/** Far above any key, far below what would hurt. */
const MAX_BYTES = 1024 * 1024;
/** Everything for everybody but the owner. */
const FOR_OTHERS = 0o077;
/** The same without reading by its group: systemd and Kubernetes hand secrets out so. */
export const BEYOND_GROUP = 0o037;

/**
 * Reads a file that holds a secret. What others on this machine may read is secret no more, so it is refused, as ssh does.
 * @param what for messages, such as `the signing key`
 * @param forbidden bits of its mode
 * @throws KEY_UNUSABLE
 */
export async function readPrivateFile(
  path: string,
  what: string,
  forbidden = FOR_OTHERS,
): Promise<Uint8Array> {
  try {
    const file = await open(path, "r");
    try {
      const { mode, size } = await file.stat();
      if ((mode & forbidden) !== 0) throw readableByOthers(path, what, mode);
      if (size > MAX_BYTES)
        throw unusable(`${what} in ${path} is no such file: it has ${size} bytes`, undefined);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof HeadwaterError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw unusable(`cannot read ${what} in ${path}: ${why}`, "Check who may read it.", error);
  }
}

function readableByOthers(path: string, what: string, mode: number): HeadwaterError {
  const found = (mode & 0o777).toString(8).padStart(4, "0");
  return new HeadwaterError(
    "KEY_UNUSABLE",
    `${what} in ${path} can be read or written by others: its mode is ${found}, expected 0600.`,
    { hint: `chmod 600 ${path}; whoever could read it until now may have a copy.`, details: { path } },
  );
}

function unusable(message: string, hint: string | undefined, cause?: unknown): HeadwaterError {
  return new HeadwaterError("KEY_UNUSABLE", message, { ...(hint === undefined ? {} : { hint }), cause });
}

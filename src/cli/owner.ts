import { lchown, stat } from "node:fs/promises";
import type { Io } from "./io.ts";

/** What root writes into somebody's store belongs to that somebody, as all else there: a service has to read it. */
export async function giveToOwnerOf(folder: string, io: Io, paths: readonly string[]): Promise<void> {
  if (!io.isRoot) return;
  const { uid, gid } = await stat(folder);
  if (uid === 0) return;
  // Never through a link, which that somebody may have put there.
  for (const path of paths) await lchown(path, uid, gid);
}

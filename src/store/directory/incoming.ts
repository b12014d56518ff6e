import type { Sha256, Store } from "../store.ts";
import type { Disk } from "./disk.ts";
import { errnoOf } from "./disk.ts";
import { deleteIfThere, type Ground, listIfThere, statIfThere } from "./ground.ts";
import { parseIncomingName } from "./incoming-names.ts";

type Incoming = Pick<Store, "removeAbandoned" | "forgetStaged">;

/** What writers leave behind when they die. */
export function directoryIncoming(ground: Ground): Incoming {
  const { disk, layout } = ground;
  return {
    removeAbandoned: async (olderThanMs) => {
      await ground.prepare();
      const before = Date.now() - olderThanMs;
      let writers = 0;
      let bytes = 0;
      for (const name of await listIfThere(disk, layout.incoming)) {
        const leftover = await lookAt(disk, `${layout.incoming}/${name}`);
        if (leftover === undefined || leftover.touchedMs >= before) continue;
        for (const path of leftover.files) await deleteIfThere(disk, path);
        if (leftover.folder !== undefined) await removeFolder(disk, leftover.folder);
        writers += 1;
        bytes += leftover.bytes;
      }
      return { writers, bytes };
    },

    forgetStaged: async (sha256: Sha256) => {
      await ground.prepare();
      let had = 0;
      for (const name of await listIfThere(disk, layout.incoming)) {
        // Writers' folders have no dot in their names; single files have one.
        if (name.includes(".")) continue;
        if (await forgetIn(disk, `${layout.incoming}/${name}`, sha256)) had += 1;
      }
      return had;
    },
  };
}

/** Also what is unfinished of it. */
async function forgetIn(disk: Disk, folder: string, sha256: Sha256): Promise<boolean> {
  let had = false;
  for (const name of await listIfThere(disk, folder)) {
    const parsed = parseIncomingName(name);
    if (parsed.kind === "other" || parsed.sha256 !== sha256) continue;
    if (await deleteIfThere(disk, `${folder}/${name}`)) had = true;
  }
  return had;
}

interface Leftover {
  readonly folder: string | undefined;
  readonly files: readonly string[];
  readonly bytes: number;
  /** When a writer last did something here. */
  readonly touchedMs: number;
}

async function lookAt(disk: Disk, path: string): Promise<Leftover | undefined> {
  const stat = await statIfThere(disk, path);
  if (stat === undefined) return undefined;
  if (stat.kind !== "folder") {
    return { folder: undefined, files: [path], bytes: stat.size, touchedMs: stat.modifiedMs };
  }
  const files: string[] = [];
  let bytes = 0;
  let touchedMs = stat.modifiedMs;
  for (const name of await listIfThere(disk, path)) {
    const file = await statIfThere(disk, `${path}/${name}`);
    if (file === undefined) continue;
    files.push(`${path}/${name}`);
    bytes += file.size;
    touchedMs = Math.max(touchedMs, file.modifiedMs);
  }
  return { folder: path, files, bytes, touchedMs };
}

async function removeFolder(disk: Disk, folder: string): Promise<void> {
  try {
    await disk.rmdir(folder);
  } catch (error) {
    const errno = errnoOf(error);
    // Somebody else was faster, or its writer woke up: then it is not abandoned after all.
    if (errno !== "ENOENT" && errno !== "ENOTEMPTY") throw error;
  }
}

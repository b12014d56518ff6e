import type { BlobReader, RetiredBlob, Sha256, Store } from "../store.ts";
import type { Disk } from "./disk.ts";
import {
  deleteIfThere,
  eachOf,
  ensureFolder,
  type Ground,
  listIfThere,
  orMissing,
  removeIfEmpty,
  statIfThere,
  syncFolder,
} from "./ground.ts";
import { isSha256, numberIn } from "./layout.ts";

type Blobs = Pick<
  Store,
  "open" | "sizeOf" | "liveBlobs" | "retiredBlobs" | "retire" | "restore" | "deleteRetired" | "quarantine"
>;

/**
 * A blob that moves while it is looked for is missed only by a look that is overtaken by two moves in a row; so many
 * looks outlive any number of writers and prunes that is not made up.
 */
const LOOKS = 4;

export function directoryBlobs(ground: Ground): Blobs {
  const { disk, layout } = ground;
  return {
    open: (sha256) => locate(ground, sha256, (path) => openBlob(disk, sha256, path)),
    sizeOf: (sha256) => locate(ground, sha256, async (path) => (await statIfThere(disk, path))?.size),
    liveBlobs: () => liveBlobs(ground),
    retiredBlobs: () => retiredBlobs(ground),
    retire: (sha256, atGeneration) => retire(ground, sha256, atGeneration),
    restore: (sha256) => restore(ground, sha256),
    deleteRetired: async (blob) => {
      await ground.prepare();
      await deleteIfThere(disk, layout.retired(blob.sha256, blob.atGeneration));
      await removeIfEmpty(ground, layout.trashFolder(blob.atGeneration));
    },
    quarantine: async (sha256) => {
      await ground.prepare();
      await ensureFolder(ground, layout.quarantine);
      const to = `${layout.quarantine}/${sha256}`;
      return locate(ground, sha256, async (path) => orMissing(disk.rename(path, to).then(() => to)));
    },
  };
}

export async function openBlob(disk: Disk, sha256: Sha256, path: string): Promise<BlobReader | undefined> {
  const fd = await orMissing(disk.open(path, "read"));
  if (fd === undefined) return undefined;
  try {
    return {
      sha256,
      size: await disk.size(fd),
      read: (buffer, position) => disk.read(fd, buffer, position),
      close: () => disk.close(fd),
    };
  } catch (error) {
    await disk.close(fd);
    throw error;
  }
}

/** Asks `attempt` for each place where the blob may be, until one answers. */
export async function locate<T>(
  ground: Ground,
  sha256: Sha256,
  attempt: (path: string) => Promise<T | undefined>,
): Promise<T | undefined> {
  if (!isSha256(sha256)) return undefined;
  const { layout } = ground;
  for (let look = 0; look < LOOKS; look++) {
    const live = await attempt(layout.blob(sha256));
    if (live !== undefined) return live;
    for (const generation of await trashGenerations(ground)) {
      const retired = await attempt(layout.retired(sha256, generation));
      if (retired !== undefined) return retired;
    }
  }
  return attempt(layout.blob(sha256));
}

/** Newest first: what was put aside last is what is looked for. */
async function trashGenerations({ disk, layout }: Ground): Promise<number[]> {
  const names = await listIfThere(disk, layout.trash);
  return names
    .map((name) => numberIn(name, ""))
    .filter((number) => number !== undefined)
    .sort((a, b) => b - a);
}

async function liveBlobs({ disk, layout }: Ground): Promise<ReadonlySet<Sha256>> {
  const live = new Set<Sha256>();
  const folders = (await listIfThere(disk, layout.blobs)).filter((name) => /^[0-9a-f]{2}$/.test(name));
  await eachOf(folders, async (folder) => {
    for (const name of await disk.list(`${layout.blobs}/${folder}`)) if (isSha256(name)) live.add(name);
  });
  return live;
}

async function retiredBlobs(ground: Ground): Promise<RetiredBlob[]> {
  const { disk, layout } = ground;
  const retired: RetiredBlob[] = [];
  for (const atGeneration of await trashGenerations(ground)) {
    const names = await listIfThere(disk, layout.trashFolder(atGeneration));
    await eachOf(names.filter(isSha256), async (sha256) => {
      const stat = await statIfThere(disk, layout.retired(sha256, atGeneration));
      if (stat !== undefined) retired.push({ sha256, size: stat.size, atGeneration });
    });
  }
  return retired;
}

async function retire(ground: Ground, sha256: Sha256, atGeneration: number): Promise<void> {
  const { disk, layout } = ground;
  await ground.prepare();
  const move = (): Promise<true | undefined> =>
    orMissing(disk.rename(layout.blob(sha256), layout.retired(sha256, atGeneration)).then((): true => true));
  if (await move()) return;
  if ((await statIfThere(disk, layout.blob(sha256))) === undefined) return;
  await ensureFolder(ground, layout.trashFolder(atGeneration));
  await move();
}

async function restore(ground: Ground, sha256: Sha256): Promise<boolean> {
  const { disk, layout } = ground;
  await ground.prepare();
  const done = await locate(ground, sha256, async (path) => {
    if (path === layout.blob(sha256)) return (await statIfThere(disk, path)) === undefined ? undefined : true;
    return (await moveBack(ground, sha256, path)) ? true : undefined;
  });
  if (done === true) await syncFolder(disk, layout.blobFolder(sha256));
  return done === true;
}

async function moveBack(ground: Ground, sha256: Sha256, retired: string): Promise<boolean> {
  const { disk, layout } = ground;
  if ((await statIfThere(disk, retired)) === undefined) return false;
  // After a backup was put back by hand the folder may be missing.
  await ensureFolder(ground, layout.blobFolder(sha256));
  const moved = await orMissing(disk.rename(retired, layout.blob(sha256)).then(() => true));
  // A rename between two names of one file does nothing (POSIX): a writer placed its copy again meanwhile.
  if (moved === true) await deleteIfThere(disk, retired);
  return moved === true;
}

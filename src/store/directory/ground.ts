import { dirname } from "node:path";

import type { Disk, FileStat, Owner } from "./disk.ts";
import { errnoOf } from "./disk.ts";
import type { Layout } from "./layout.ts";

/** What every part of a directory store stands on. */
export interface Ground {
  readonly disk: Disk;
  readonly layout: Layout;
  /** Who gets new files, when that is not who runs: root at work in somebody's store. */
  readonly owner: Owner | undefined;
  /** Resolves when the store can be written to: folders made, hard links tried. Throws STORE_UNUSABLE. */
  prepare(): Promise<void>;
}

type Place = Pick<Ground, "disk" | "owner">;

const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/** The answer, or undefined when there is no such file. */
export async function orMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

export function statIfThere(disk: Disk, path: string): Promise<FileStat | undefined> {
  return orMissing(disk.stat(path));
}

export async function listIfThere(disk: Disk, path: string): Promise<string[]> {
  return (await orMissing(disk.list(path))) ?? [];
}

/** Names in this folder survive a power cut once this resolves. */
export async function syncFolder(disk: Disk, path: string): Promise<void> {
  const fd = await disk.open(path, "read");
  try {
    await disk.sync(fd);
  } finally {
    await disk.close(fd);
  }
}

/** Opens a new file that has the right mode and owner, whatever the umask. */
export async function createFile(place: Place, path: string): Promise<number> {
  const fd = await place.disk.open(path, "create");
  try {
    await setRights(place, fd, FILE_MODE);
  } catch (error) {
    await place.disk.close(fd);
    throw error;
  }
  return fd;
}

/** Creates a small file whole and synced; its name is not synced yet. */
export async function createWhole(place: Place, path: string, bytes: Uint8Array): Promise<void> {
  const fd = await createFile(place, path);
  try {
    await place.disk.write(fd, bytes, 0);
    await place.disk.sync(fd);
  } finally {
    await place.disk.close(fd);
  }
}

/** Makes one folder if there is none. Its name in the parent is synced either way: another process may just have made it. */
export async function ensureFolder(place: Place, path: string): Promise<void> {
  try {
    await place.disk.mkdir(path);
    const fd = await place.disk.open(path, "read");
    try {
      await setRights(place, fd, FOLDER_MODE);
    } finally {
      await place.disk.close(fd);
    }
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  await syncFolder(place.disk, dirname(path));
}

async function setRights(place: Place, fd: number, mode: number): Promise<void> {
  await place.disk.chmod(fd, mode);
  if (place.owner !== undefined) await place.disk.chown(fd, place.owner);
}

/** Reads a small file whole. */
export async function readWhole(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  const fd = await orMissing(disk.open(path, "read"));
  if (fd === undefined) return undefined;
  try {
    const bytes = new Uint8Array(await disk.size(fd));
    let filled = 0;
    while (filled < bytes.byteLength) {
      const count = await disk.read(fd, bytes.subarray(filled), filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  } finally {
    await disk.close(fd);
  }
}

/** Deletes a file that may be gone already. True when this call did it. */
export async function deleteIfThere(disk: Disk, path: string): Promise<boolean> {
  return (await orMissing(disk.unlink(path).then(() => true))) ?? false;
}

/** Removes a folder unless somebody puts something in it meanwhile, or was faster. */
export async function removeIfEmpty({ disk }: Place, folder: string): Promise<void> {
  try {
    await disk.rmdir(folder);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "ENOTEMPTY" && errno !== "ENOENT") throw error;
  }
}

/** Runs `work` for each, a few at a time (the thread pool has four hands), and starts none after a failure. */
export async function eachOf<T>(values: Iterable<T>, work: (value: T) => Promise<void>): Promise<void> {
  const queue = Array.from(values).reverse();
  const hand = async (): Promise<void> => {
    try {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) await work(next);
    } catch (error) {
      queue.length = 0;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: 8 }, hand));
}

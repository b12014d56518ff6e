import { randomBytes } from "node:crypto";
import { dirname, resolve } from "node:path";

import { HeadwaterError } from "../../error.ts";
import type { Store } from "../store.ts";
import { directoryBlobs } from "./blobs.ts";
import type { Disk, FileStat, Owner } from "./disk.ts";
import { nodeDisk } from "./disk.ts";
import { directoryGenerations } from "./generations.ts";
import {
  createFile,
  createWhole,
  deleteIfThere,
  ensureFolder,
  type Ground,
  statIfThere,
  syncFolder,
} from "./ground.ts";
import { directoryIncoming } from "./incoming.ts";
import { knownNames, type Layout, layoutOf } from "./layout.ts";
import { withClearErrors } from "./with-clear-errors.ts";
import { openGrowing } from "./growing.ts";
import { directoryNotes } from "./notes.ts";
import { directoryWriter, joinDirectoryWriter } from "./writer.ts";

export interface DirectoryStoreOptions {
  /** Make the folder and what belongs in it, and check now that it can be written to. Otherwise the first write checks. */
  readonly create?: boolean;
  /** `blockingDisk` in a thread; others for tests. */
  readonly disk?: Disk;
  /** For tests: another user. */
  readonly runsAsRoot?: boolean;
}

/** File systems on which a link or a rename is not one step for every process, by the magic number `statfs` tells. */
const remoteFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9p"],
  [0x00c36400, "CephFS"],
  [0x5346414f, "AFS"],
  [0x73757245, "Coda"],
]);

/** Room for the generation files of a prune, held back for a full disk. */
const RESERVE_BYTES = 256 * 1024;

/**
 * Opens the store in a folder. Reading needs nothing but permission to read; nothing is written before the first write.
 * Throws STORE_UNUSABLE, with one sentence that says why.
 */
export async function openDirectoryStore(
  folder: string,
  options: DirectoryStoreOptions = {},
): Promise<Store> {
  const disk = withClearErrors(options.disk ?? nodeDisk);
  const layout = layoutOf(resolve(folder));
  const asRoot = options.runsAsRoot ?? process.geteuid?.() === 0;
  if (options.create === true) await makeFolders(disk, layout.data);
  // The dot: the folder may be reached through a link.
  const data = await statIfThere(disk, `${layout.data}/.`);
  if (data === undefined) throw noStore(layout.data);
  await refuseForeignFolder(disk, layout);

  let prepared: Promise<void> | undefined;
  const ground: Ground = {
    disk,
    layout,
    owner: ownerFor(data, asRoot),
    prepare: async () => {
      prepared ??= prepare(ground);
      try {
        await prepared;
      } catch (error) {
        // Asked again after it was mended, for example after a remount.
        prepared = undefined;
        throw error;
      }
    },
  };
  if (options.create === true) await ground.prepare();
  return {
    name: layout.data,
    ...directoryGenerations(ground),
    ...directoryBlobs(ground),
    ...directoryIncoming(ground),
    ...directoryNotes(ground),
    writer: (job, wishes) => directoryWriter(ground, job, wishes),
    joinWriter: (id) => joinDirectoryWriter(ground, id),
    openGrowing: (location, size) => openGrowing(ground, location, size),
  };
}

function ownerFor(data: FileStat, asRoot: boolean): Owner | undefined {
  return asRoot && data.uid !== 0 ? { uid: data.uid, gid: data.gid } : undefined;
}

async function makeFolders(disk: Disk, path: string): Promise<void> {
  if ((await statIfThere(disk, path)) !== undefined) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolders(disk, parent);
  await ensureFolder({ disk, owner: undefined }, path);
}

/** A mistyped `--data ~` must not scatter a store among somebody's files. */
async function refuseForeignFolder(disk: Disk, layout: Layout): Promise<void> {
  const names = await disk.list(layout.data);
  if (names.includes("generations") || names.includes("blobs")) return;
  const foreign = names.filter((name) => !knownNames.has(name) && !name.startsWith(".")).sort();
  if (foreign.length === 0) return;
  const some = foreign.slice(0, 3).join(", ");
  throw new HeadwaterError("STORE_UNUSABLE", `${layout.data} holds other files (${some}) and no store.`, {
    hint: "Name an empty or a new folder with --data.",
    details: { path: layout.data, found: foreign.slice(0, 10) },
  });
}

async function prepare(ground: Ground): Promise<void> {
  const { disk, layout } = ground;
  await refuseRemote(disk, layout.data);
  const parts = [layout.generations, layout.blobs, layout.trash, layout.incoming, layout.state];
  const missing: string[] = [];
  for (const part of parts) if ((await statIfThere(disk, part)) === undefined) missing.push(part);
  for (const part of missing) await ensureFolder(ground, part);
  // Somebody else may have made them a moment ago and died before syncing.
  if (missing.length === 0) await syncFolder(disk, layout.data);
  try {
    await tryHardLink(ground);
    await ensureReserve(ground);
  } catch (error) {
    // A full disk is not a reason to refuse: prune is a write too. Whoever needs room is told when it is missing.
    if (!(error instanceof HeadwaterError && error.code === "STORE_FULL")) throw error;
  }
}

async function refuseRemote(disk: Disk, path: string): Promise<void> {
  // The numbers are 32 bits wide; some systems hand them out with a sign.
  const kind = remoteFileSystems.get((await disk.fileSystem(path)) >>> 0);
  if (kind === undefined) return;
  throw new HeadwaterError("STORE_UNUSABLE", `${path} is on a network file system (${kind}).`, {
    hint: "A store needs a local file system; name another folder with --data. `headwater backup` can copy a store elsewhere.",
    details: { path, fileSystem: kind },
  });
}

async function tryHardLink(ground: Ground): Promise<void> {
  const { disk, layout } = ground;
  const first = `${layout.incoming}/.probe-${randomBytes(6).toString("hex")}`;
  const second = `${first}.linked`;
  try {
    await disk.close(await createFile(ground, first));
    await disk.link(first, second);
    const linked = await disk.stat(second);
    if (linked.inode !== (await disk.stat(first)).inode) throw noHardLinks(layout.data);
  } catch (error) {
    if (error instanceof HeadwaterError && error.details["path"] === second) {
      throw noHardLinks(layout.data, error);
    }
    throw error;
  } finally {
    await deleteIfThere(disk, second);
    await deleteIfThere(disk, first);
  }
}

async function ensureReserve(ground: Ground): Promise<void> {
  const { disk, layout } = ground;
  if ((await statIfThere(disk, layout.reserve)) !== undefined) return;
  const temporary = `${layout.incoming}/.reserve-${randomBytes(6).toString("hex")}`;
  try {
    // Bytes that do not compress, so that they take room on every file system.
    await createWhole(ground, temporary, randomBytes(RESERVE_BYTES));
    await disk.rename(temporary, layout.reserve);
  } finally {
    await deleteIfThere(disk, temporary);
  }
}

function noStore(path: string): HeadwaterError {
  return new HeadwaterError("STORE_UNUSABLE", `There is no store at ${path}: the folder does not exist.`, {
    hint: "`headwater add` makes one; --data names another folder.",
    details: { path },
  });
}

function noHardLinks(path: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("STORE_UNUSABLE", `The file system of ${path} has no hard links.`, {
    hint: "A store needs them (ext4, xfs, btrfs and zfs have them); name another folder with --data.",
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}

import { createHash, randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { chmod, copyFile, lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";

import { HeadwaterError } from "../../error.ts";
import { encodeGeneration } from "../generation-file.ts";
import type { Generation } from "../generation.ts";
import { numbersOf } from "../keeps.ts";
import { namedBlobs } from "../named-blobs.ts";
import type { Sha256, Store } from "../store.ts";
import { errnoOf, nodeDisk } from "./disk.ts";
import { createWhole, eachOf, ensureFolder, orMissing, statIfThere, syncFolder } from "./ground.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { openDirectoryStore } from "./open.ts";

export interface BackupOptions {
  readonly onProgress?: (progress: { readonly blobs: number; readonly of: number }) => void;
}

export interface BackupReport {
  /** The newest generation in the copy; undefined when the store has none yet. */
  readonly generation: number | undefined;
  readonly blobs: number;
  /** Bytes that were copied; hard links take none. */
  readonly copiedBytes: number;
  readonly linkedBlobs: number;
  /** Blobs that an earlier run had brought and nobody names any more. */
  readonly removedBlobs: number;
}

const TRIES = 10;

/**
 * A copy of a store that is a store, made while others write: everything that the newest generation and those it keeps
 * name, then the generations, the newest first, so that the copy is whole at every moment; with the server's certificate and
 * configuration. A second run brings what is new.
 */
export async function backup(
  folder: string,
  target: string,
  options: BackupOptions = {},
): Promise<BackupReport> {
  const [from, to] = [layoutOf(resolve(folder)), layoutOf(resolve(target))];
  refuseNested(from.data, to.data);
  const source = await openDirectoryStore(from.data);
  const copy = await openDirectoryStore(to.data, { create: true });
  const transfer = new Transfer({ from, to, source, copy });
  const generation = await transfer.run(options);
  await copySettings(from.data, to.data);
  return { generation: generation?.number, ...transfer.counts };
}

interface Ends {
  readonly from: Layout;
  readonly to: Layout;
  readonly source: Store;
  readonly copy: Store;
}

class Transfer {
  readonly #ends: Ends;
  /** Until one link fails: then the two are on different file systems. */
  #links = true;
  readonly counts = { blobs: 0, copiedBytes: 0, linkedBlobs: 0, removedBlobs: 0 };

  constructor(ends: Ends) {
    this.#ends = ends;
  }

  async run(options: BackupOptions): Promise<Generation | undefined> {
    const { source } = this.#ends;
    for (let attempt = 1; ; attempt++) {
      const newest = await source.newest();
      if (newest === undefined) return undefined;
      await this.#refuseAnotherStore(newest);
      try {
        await this.#bring(newest, options);
        return newest;
      } catch (error) {
        // What an older generation named may be given up while it is copied: then again with what is newest now.
        const overtaken = error instanceof HeadwaterError && error.code === "BLOB_MISSING";
        if (!overtaken || attempt === TRIES || (await source.newest())?.id === newest.id) throw error;
      }
    }
  }

  async #bring(newest: Generation, options: BackupOptions): Promise<void> {
    const { source, copy } = this.#ends;
    const kept = [newest];
    for (const number of Array.from(numbersOf(newest.keeps)).reverse()) {
      const generation = await source.generation(number);
      if (generation !== undefined) kept.push(generation);
    }
    const named = await namedBlobs(source, kept);
    await this.#bringBlobs(named, options);
    await this.#bringGenerations(newest);
    await this.#removeOthers(copy, named);
  }

  async #bringBlobs(named: ReadonlySet<Sha256>, options: BackupOptions): Promise<void> {
    const { copy, to } = this.#ends;
    const there = await copy.liveBlobs();
    const wanted = Array.from(named).filter((sha256) => !there.has(sha256));
    this.counts.blobs = named.size;
    const folders = new Set(wanted.map((sha256) => to.blobFolder(sha256)));
    for (const folder of folders) await ensureFolder({ disk: nodeDisk, owner: undefined }, folder);
    let done = 0;
    for (const sha256 of wanted) {
      if (!(await this.#link(sha256))) await this.#copy(sha256);
      done += 1;
      options.onProgress?.({ blobs: done, of: wanted.length });
    }
    await eachOf(folders, (folder) => syncFolder(nodeDisk, folder));
  }

  async #link(sha256: Sha256): Promise<boolean> {
    if (!this.#links) return false;
    const { from, to } = this.#ends;
    // A blob that was put aside is not looked for here: the copy finds it.
    try {
      const linked = await orMissing(nodeDisk.link(from.blob(sha256), to.blob(sha256)).then(() => true));
      if (linked === true) this.counts.linkedBlobs += 1;
      return linked === true;
    } catch (error) {
      if (errnoOf(error) === "EEXIST") return true;
      // EXDEV, or a file system or a rule that allows no links: copying says what is wrong if that fails too.
      this.#links = false;
      return false;
    }
  }

  /** Hashes while it copies: a backup must not replace good bytes by damaged ones. */
  async #copy(sha256: Sha256): Promise<void> {
    const { source, copy } = this.#ends;
    const reader = await source.open(sha256);
    if (reader === undefined) throw missing(source, sha256);
    const writer = await copy.writer("backup");
    try {
      const sink = await writer.create();
      const hash = createHash("sha256");
      const buffer = new Uint8Array(1024 * 1024);
      let size = 0;
      try {
        for (let count = -1; count !== 0; size += count) {
          count = await reader.read(buffer, size);
          hash.update(buffer.subarray(0, count));
          await sink.write(buffer.subarray(0, count));
        }
        if (hash.digest("hex") !== sha256) throw damaged(source, sha256);
      } catch (error) {
        await sink.cancel();
        throw error;
      }
      await sink.commit({ sha256, size });
      await writer.place([sha256]);
      this.counts.copiedBytes += size;
    } finally {
      await reader.close();
      await writer.close();
    }
  }

  /** The newest first: it is whole already. The older ones after it, so that the copy never shows one that is not. */
  async #bringGenerations(newest: Generation): Promise<void> {
    const { source, copy, to } = this.#ends;
    await copy.createIfAbsent(newest);
    for (let number = newest.number - 1; number > 0; number--) {
      const path = to.generation(number);
      if ((await statIfThere(nodeDisk, path)) !== undefined) continue;
      const generation = await source.generation(number);
      if (generation !== undefined) await writeGeneration(to, generation);
    }
    await syncFolder(nodeDisk, to.generations);
  }

  async #removeOthers(copy: Store, named: ReadonlySet<Sha256>): Promise<void> {
    const { to } = this.#ends;
    for (const sha256 of await copy.liveBlobs()) {
      if (named.has(sha256)) continue;
      await rm(to.blob(sha256), { force: true });
      this.counts.removedBlobs += 1;
    }
  }

  async #refuseAnotherStore(newest: Generation): Promise<void> {
    const { source, copy } = this.#ends;
    const theirs = await copy.newest();
    if (theirs === undefined) return;
    const ours = theirs.number <= newest.number ? await source.generation(theirs.number) : undefined;
    if (ours?.id === theirs.id) return;
    throw new HeadwaterError(
      "STORE_UNUSABLE",
      `${copy.name} is not a backup of ${source.name}: their generations ${theirs.number} differ.`,
      { hint: "Name another folder.", details: { path: copy.name } },
    );
  }
}

async function writeGeneration(to: Layout, generation: Generation): Promise<void> {
  const temporary = `${to.incoming}/.backup-${randomBytes(6).toString("hex")}`;
  await createWhole({ disk: nodeDisk, owner: undefined }, temporary, encodeGeneration(generation));
  await nodeDisk.rename(temporary, to.generation(generation.number));
}

/** The certificate and its key, and what the commands were told: with their modes, since the key is for its owner alone. */
async function copySettings(from: string, to: string): Promise<void> {
  await copyFileWhole(join(from, "headwater.yaml"), join(to, "headwater.yaml"));
  const tls = await lookAt(join(from, "tls"));
  if (tls === undefined) return;
  await mkdir(join(to, "tls"), { recursive: true, mode: tls.mode & 0o777 });
  await chmod(join(to, "tls"), tls.mode & 0o777);
  for (const name of await readdir(join(from, "tls"))) {
    await copyFileWhole(join(from, "tls", name), join(to, "tls", name));
  }
}

async function copyFileWhole(from: string, to: string): Promise<void> {
  const stat = await lookAt(from);
  if (stat?.isFile() !== true) return;
  const temporary = `${to}.${randomBytes(6).toString("hex")}`;
  try {
    // The copy has the mode of its source from its first moment.
    await copyFile(from, temporary);
    await chmod(temporary, stat.mode & 0o777);
    await rename(temporary, to);
  } finally {
    await rm(temporary, { force: true });
  }
}

function lookAt(path: string): Promise<Stats | undefined> {
  return orMissing(lstat(path));
}

function refuseNested(from: string, to: string): void {
  const isInside = (path: string, folder: string): boolean => {
    const steps = relative(folder, path);
    return steps === "" || !(steps.startsWith("..") || isAbsolute(steps));
  };
  if (!isInside(to, from) && !isInside(from, to)) return;
  throw new HeadwaterError(
    "STORE_UNUSABLE",
    `${to} cannot hold a backup of ${from}: one is inside the other.`,
    {
      hint: "Name a folder elsewhere, best on another disk.",
    },
  );
}

function missing(store: Store, sha256: Sha256): HeadwaterError {
  return new HeadwaterError(
    "BLOB_MISSING",
    `Blob ${sha256} is listed, and its bytes are not in ${store.name}.`,
    {
      hint: "`headwater verify --repair` takes damaged images off the lists; then back up again.",
      details: { sha256 },
    },
  );
}

function damaged(store: Store, sha256: Sha256): HeadwaterError {
  return new HeadwaterError(
    "BLOB_MISMATCH",
    `Blob ${sha256} in ${store.name} has other bytes than its name says.`,
    {
      hint: "`headwater verify --repair` takes damaged images off the lists; then back up again.",
      details: { sha256 },
    },
  );
}

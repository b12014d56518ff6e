import { createHash } from "node:crypto";
import { open, stat, unlink } from "node:fs/promises";
import { HeadwaterError } from "../../error.ts";
import type { BlobFiles, SharingOutcome } from "../../store/blob-files.ts";
import type { Sha256, Store } from "../../store/store.ts";
import { clear } from "./target-errors.ts";
import type { Target } from "./target.ts";
import type { WantedFile } from "./wanted.ts";

/**
 * How an item gets into the tree. A hard link is a second name of the store's own file: whoever writes to it in the tree damages the store,
 * so it is made only when it is asked for. `auto` shares blocks where the file system can, and copies otherwise.
 */
export const LINK_MODES = ["auto", "reflink", "hard", "copy"] as const;
export type LinkMode = (typeof LINK_MODES)[number];

const PIECE = 1024 * 1024;

export interface BringOptions {
  readonly store: Store;
  readonly blobFiles: BlobFiles;
  readonly target: Target;
  readonly link: LinkMode;
  readonly signal: AbortSignal | undefined;
  readonly onBytes: (bytes: number) => void;
}

/** An unfinished file with all its bytes, synced. */
export interface Brought {
  readonly temporary: string;
  /** When its bytes were last changed, which renaming leaves alone. */
  readonly modifiedMs: number;
}

/** Brings bytes to unfinished files of the tree, synced, and counts how. */
export class Bringer {
  readonly #options: BringOptions;
  /** Until one fails: then these two file systems have none. */
  #triesReflinks: boolean;
  copiedBytes = 0;
  sharedFiles = 0;

  constructor(options: BringOptions) {
    this.#options = options;
    this.#triesReflinks = options.link === "auto" || options.link === "reflink";
  }

  /** Leaves nothing when it fails. Throws BLOB_MISSING, BLOB_MISMATCH, TARGET_FULL, TARGET_UNUSABLE. */
  async bring({ sha256, size, bytes }: WantedFile): Promise<Brought> {
    const { target, store } = this.#options;
    const temporary = target.temporary();
    try {
      if (bytes !== undefined) await this.#write(temporary, bytes);
      else if (await this.#share(sha256, temporary)) this.sharedFiles += 1;
      else {
        await this.#copy(sha256, temporary, size);
        this.copiedBytes += size;
      }
      const { mtimeMs, size: found } = await clear("look at", temporary, stat(temporary));
      // What is shared is not read, and a blob may have been cut short.
      if (found !== size) throw damaged(store, sha256);
      return { temporary, modifiedMs: mtimeMs };
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
  }

  async #write(temporary: string, bytes: Uint8Array): Promise<void> {
    const handle = await this.#options.target.create(temporary);
    try {
      await clear("write", temporary, handle.writeFile(bytes));
      await clear("sync", temporary, handle.sync());
    } finally {
      await handle.close();
    }
  }

  /** False when it has to be copied. */
  async #share(sha256: Sha256, temporary: string): Promise<boolean> {
    const { blobFiles, link, store } = this.#options;
    if (link !== "hard" && !this.#triesReflinks) return false;
    const sharing =
      link === "hard" ? blobFiles.hardLink(sha256, temporary) : blobFiles.reflink(sha256, temporary);
    const outcome = await clear("create", temporary, sharing);
    if (outcome.kind === "missing") throw missing(store, sha256);
    if (outcome.kind === "done") {
      // The blob's bytes are synced, and a second name changes nothing about them.
      if (link !== "hard") await this.#sync(temporary);
      return true;
    }
    if (link !== "auto") throw impossible(this.#options, outcome);
    this.#triesReflinks = false;
    return false;
  }

  async #sync(temporary: string): Promise<void> {
    const handle = await clear("open", temporary, open(temporary, "r"));
    try {
      await clear("set the mode of", temporary, handle.chmod(0o644));
      await clear("sync", temporary, handle.sync());
    } finally {
      await handle.close();
    }
  }

  /** Hashes while it copies: damaged bytes do not get out. */
  async #copy(sha256: Sha256, temporary: string, size: number): Promise<void> {
    const { store, target, signal, onBytes } = this.#options;
    const reader = await store.open(sha256);
    if (reader === undefined) throw missing(store, sha256);
    try {
      const handle = await target.create(temporary);
      try {
        const hash = createHash("sha256");
        const buffer = Buffer.allocUnsafe(Math.min(PIECE, size + 1));
        for (let position = 0; ; ) {
          signal?.throwIfAborted();
          const count = await reader.read(buffer, position);
          if (count === 0) break;
          const piece = buffer.subarray(0, count);
          hash.update(piece);
          await clear("write", temporary, handle.writeFile(piece));
          position += count;
          onBytes(count);
        }
        if (hash.digest("hex") !== sha256) throw damaged(store, sha256);
        await clear("sync", temporary, handle.sync());
      } finally {
        await handle.close();
      }
    } finally {
      await reader.close();
    }
  }
}

function impossible(
  { link, target, store }: BringOptions,
  { errno }: Extract<SharingOutcome, { kind: "impossible" }>,
): HeadwaterError {
  const what = link === "hard" ? "hard links" : "reflinks";
  const why = errno === "EXDEV" ? "they are on two file systems" : `the system answers ${errno}`;
  return new HeadwaterError(
    "TARGET_UNUSABLE",
    `Cannot make ${what} from ${store.name} to ${target.root}: ${why}.`,
    { hint: "Leave --link out, and files are copied where they have to be.", details: { errno } },
  );
}

function missing(store: Store, sha256: Sha256): HeadwaterError {
  return new HeadwaterError(
    "BLOB_MISSING",
    `Blob ${sha256} is listed, and its bytes are not in ${store.name}.`,
    {
      hint: "`headwater verify --repair` takes damaged images off the lists; then export again.",
      details: { sha256 },
    },
  );
}

function damaged(store: Store, sha256: Sha256): HeadwaterError {
  return new HeadwaterError(
    "BLOB_MISMATCH",
    `Blob ${sha256} in ${store.name} has other bytes than its name says.`,
    {
      hint: "`headwater verify --repair` takes damaged images off the lists; then export again.",
      details: { sha256 },
    },
  );
}

import { createHash, randomBytes } from "node:crypto";

import { HeadwaterError } from "../../error.ts";
import type { BlobSink, Sha256, StoreWriter } from "../store.ts";
import { openBlob } from "./blobs.ts";
import { errnoOf } from "./disk.ts";
import {
  createFile,
  deleteIfThere,
  eachOf,
  ensureFolder,
  type Ground,
  listIfThere,
  orMissing,
  statIfThere,
  syncFolder,
} from "./ground.ts";
import { isSha256 } from "./layout.ts";

export async function directoryWriter(ground: Ground, job: string): Promise<StoreWriter> {
  await ground.prepare();
  const word = job.replaceAll(/[^a-z0-9-]/g, "") || "writer";
  const folder = `${ground.layout.incoming}/${word}-${randomBytes(6).toString("hex")}`;
  await ensureFolder(ground, folder);
  return new DirectoryWriter(ground, folder);
}

class DirectoryWriter implements StoreWriter {
  readonly #ground: Ground;
  readonly #folder: string;
  readonly #staged = new Set<Sha256>();
  #partials = 0;

  constructor(ground: Ground, folder: string) {
    this.#ground = ground;
    this.#folder = folder;
  }

  async create(): Promise<BlobSink> {
    this.#partials += 1;
    const path = `${this.#folder}/${this.#partials}.partial`;
    const fd = await orMissing(createFile(this.#ground, path));
    if (fd === undefined) throw this.#abandoned();
    const stage = async (sha256: Sha256): Promise<void> => {
      const staged = await orMissing(
        this.#ground.disk.rename(path, this.#stagedPath(sha256)).then(() => true),
      );
      if (staged !== true) throw this.#abandoned();
      this.#staged.add(sha256);
    };
    return new DirectorySink(this.#ground, { path, fd, stage });
  }

  async put(bytes: Uint8Array): Promise<{ sha256: Sha256; size: number }> {
    const staged = { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.byteLength };
    const sink = await this.create();
    try {
      await sink.write(bytes);
    } catch (error) {
      await sink.cancel();
      throw error;
    }
    await sink.commit(staged);
    return staged;
  }

  async open(sha256: Sha256): ReturnType<StoreWriter["open"]> {
    const reader = this.has(sha256)
      ? await openBlob(this.#ground.disk, sha256, this.#stagedPath(sha256))
      : undefined;
    if (reader === undefined) throw this.#notStaged(sha256);
    return reader;
  }

  async place(blobs: Iterable<Sha256>): Promise<void> {
    const { disk, layout } = this.#ground;
    const wanted = new Set(blobs);
    for (const sha256 of wanted) if (!this.has(sha256)) throw this.#notStaged(sha256);
    const folders = new Set(Array.from(wanted, (sha256) => layout.blobFolder(sha256)));
    await this.#ensureFolders(folders);
    await eachOf(wanted, (sha256) => this.#link(sha256));
    await eachOf(folders, (folder) => syncFolder(disk, folder));
  }

  has(sha256: Sha256): boolean {
    return this.#staged.has(sha256);
  }

  async close(): Promise<void> {
    const { disk } = this.#ground;
    this.#staged.clear();
    try {
      const names = await listIfThere(disk, this.#folder);
      await eachOf(names, async (name) => {
        await deleteIfThere(disk, `${this.#folder}/${name}`);
      });
      await disk.rmdir(this.#folder);
    } catch {
      // What is published is published; leftovers go with the abandoned writers.
    }
  }

  /** A folder that exists may have been made a moment ago by a process that died before it synced: one sync covers all. */
  async #ensureFolders(folders: ReadonlySet<string>): Promise<void> {
    const { disk, layout } = this.#ground;
    const missing: string[] = [];
    for (const folder of folders) if ((await statIfThere(disk, folder)) === undefined) missing.push(folder);
    for (const folder of missing) await ensureFolder(this.#ground, folder);
    if (missing.length === 0) await syncFolder(disk, layout.blobs);
  }

  async #link(sha256: Sha256): Promise<void> {
    const to = this.#ground.layout.blob(sha256);
    const linked = await orMissing(this.#linkOrReplace(this.#stagedPath(sha256), to).then(() => true));
    if (linked !== true) throw this.#notStaged(sha256);
  }

  async #linkOrReplace(from: string, to: string): Promise<void> {
    try {
      await this.#ground.disk.link(from, to);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
      await this.#replace(from, to);
    }
  }

  /** What is there may be damaged; these bytes were checked. One step, so that readers always find a whole file. */
  async #replace(from: string, to: string): Promise<void> {
    const { disk } = this.#ground;
    const staged = await disk.stat(from);
    if (staged.inode === (await statIfThere(disk, to))?.inode) return;
    const spare = `${from}.again`;
    await deleteIfThere(disk, spare);
    await disk.link(from, spare);
    await disk.rename(spare, to);
  }

  #stagedPath(sha256: Sha256): string {
    return `${this.#folder}/${sha256}`;
  }

  #abandoned(): HeadwaterError {
    return new HeadwaterError("BLOB_MISSING", `${this.#folder} was removed while this command was at work.`, {
      hint: "Files that nobody touched for a week are removed by prune; run the command again.",
      details: { folder: this.#folder },
    });
  }

  #notStaged(sha256: Sha256): HeadwaterError {
    return new HeadwaterError(
      "BLOB_MISSING",
      `Blob ${sha256} is not among the files that this command brought.`,
      {
        hint: "Its folder under incoming/ was removed meanwhile; run the command again.",
        details: { sha256, folder: this.#folder },
      },
    );
  }
}

interface PartialFile {
  readonly path: string;
  readonly fd: number;
  stage(sha256: Sha256): Promise<void>;
}

/** Larger writes cost Linux two to four times the processor time per byte: it looks for larger pages (measured on ext4). */
const PIECE = 256 * 1024;

class DirectorySink implements BlobSink {
  readonly #ground: Ground;
  readonly #file: PartialFile;
  #size = 0;
  #open = true;

  constructor(ground: Ground, file: PartialFile) {
    this.#ground = ground;
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { disk } = this.#ground;
    const pieces: Promise<void>[] = [];
    for (let at = 0; at < bytes.byteLength; at += PIECE) {
      pieces.push(disk.write(this.#file.fd, bytes.subarray(at, at + PIECE), this.#size + at));
    }
    // All of them, also when one fails: nobody may close the file or reuse the buffer before.
    for (const piece of await Promise.allSettled(pieces)) if (piece.status === "rejected") throw piece.reason;
    this.#size += bytes.byteLength;
  }

  /** One sync at the end: syncing while it grows made writing a GiB take twice as long (ext4). */
  async commit(expected: { readonly sha256: Sha256; readonly size: number }): Promise<void> {
    try {
      if (expected.size !== this.#size || !isSha256(expected.sha256)) throw this.#mismatch(expected);
      await this.#ground.disk.sync(this.#file.fd);
      await this.#close();
      await this.#file.stage(expected.sha256);
    } catch (error) {
      await this.cancel();
      throw error;
    }
  }

  async cancel(): Promise<void> {
    await this.#close();
    await deleteIfThere(this.#ground.disk, this.#file.path);
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#ground.disk.close(this.#file.fd);
  }

  #mismatch(expected: { readonly sha256: Sha256; readonly size: number }): HeadwaterError {
    return new HeadwaterError(
      "BLOB_MISMATCH",
      `Blob ${expected.sha256} has the wrong size: expected ${expected.size} bytes, got ${this.#size}.`,
      { details: { sha256: expected.sha256, expected: expected.size, found: this.#size } },
    );
  }
}

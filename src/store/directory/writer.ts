import { createHash } from "node:crypto";

import { HeadwaterError } from "../../error.ts";
import type { BlobReader, BlobSink, Sha256, StoreWriter, WriterOptions } from "../store.ts";
import { openBlob } from "./blobs.ts";
import { errnoOf } from "./disk.ts";
import {
  createFile,
  deleteIfThere,
  eachOf,
  ensureFolder,
  type Ground,
  orMissing,
  statIfThere,
  syncFolder,
} from "./ground.ts";
import { isWriter, partialName, writerName } from "./incoming-names.ts";
import { DirectorySink } from "./sink.ts";
import { WriterFolder } from "./writer-folder.ts";

export async function directoryWriter(
  ground: Ground,
  job: string,
  { adopts = false }: WriterOptions = {},
): Promise<StoreWriter> {
  await ground.prepare();
  const folder = new WriterFolder(ground, writerName(job));
  await ensureFolder(ground, folder.path);
  if (adopts) await folder.adopt(job);
  return new DirectoryWriter(ground, folder, () => folder.close());
}

/** A second handle on a writer's area; undefined when the folder is gone. */
export async function joinDirectoryWriter(ground: Ground, id: string): Promise<StoreWriter | undefined> {
  const folder = new WriterFolder(ground, id);
  if (!isWriter(id) || (await statIfThere(ground.disk, folder.path)) === undefined) return undefined;
  await folder.look();
  return new DirectoryWriter(ground, folder, async () => undefined);
}

class DirectoryWriter implements StoreWriter {
  readonly #ground: Ground;
  readonly #folder: WriterFolder;
  /** Of a second handle: nothing. */
  readonly #end: () => Promise<void>;

  constructor(ground: Ground, folder: WriterFolder, end: () => Promise<void>) {
    this.#ground = ground;
    this.#folder = folder;
    this.#end = end;
  }

  get id(): string {
    return this.#folder.id;
  }

  async create(expected?: Sha256): Promise<BlobSink> {
    const folder = this.#folder;
    const name = partialName(expected);
    const path = folder.file(name);
    const fd = await orMissing(createFile(this.#ground, path));
    if (fd === undefined) throw this.#abandoned();
    const forget = async (): Promise<void> => {
      if (expected !== undefined) await folder.forgetLeft(expected);
    };
    return new DirectorySink(this.#ground, {
      path,
      fd,
      location: `${folder.id}/${name}`,
      canBeContinued: expected !== undefined,
      stage: async (sha256) => {
        if (!(await folder.rename(name, sha256))) throw this.#abandoned();
        folder.staged.add(sha256);
        await forget();
      },
      leave: async () => {
        if (expected !== undefined) await folder.leave(expected, name);
      },
      forget,
    });
  }

  async partial(sha256: Sha256): Promise<BlobReader | undefined> {
    const longest = await this.#folder.longestLeft(sha256);
    if (longest === undefined) return undefined;
    return openBlob(this.#ground.disk, sha256, this.#folder.file(longest));
  }

  look(): Promise<void> {
    return this.#folder.look();
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
      ? await openBlob(this.#ground.disk, sha256, this.#folder.file(sha256))
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
    return this.#folder.staged.has(sha256);
  }

  async close(): Promise<void> {
    this.#folder.staged.clear();
    try {
      await this.#end();
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
    const linked = await orMissing(this.#linkOrReplace(this.#folder.file(sha256), to).then(() => true));
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

  #abandoned(): HeadwaterError {
    return new HeadwaterError(
      "BLOB_MISSING",
      `${this.#folder.path} was removed while this command was at work.`,
      {
        hint: "Files that nobody touched for a week are removed by prune; run the command again.",
        details: { folder: this.#folder.path },
      },
    );
  }

  #notStaged(sha256: Sha256): HeadwaterError {
    return new HeadwaterError(
      "BLOB_MISSING",
      `Blob ${sha256} is not among the files that this command brought.`,
      {
        hint: "Its folder under incoming/ was removed meanwhile; run the command again.",
        details: { sha256, folder: this.#folder.path },
      },
    );
  }
}

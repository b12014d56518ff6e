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
  listIfThere,
  orMissing,
  statIfThere,
  syncFolder,
} from "./ground.ts";
import { emptyFolder, Heritage } from "./heritage.ts";
import {
  isWriter,
  isWriterOf,
  leftName,
  parseIncomingName,
  partialName,
  writerName,
} from "./incoming-names.ts";
import { DirectorySink } from "./sink.ts";

export async function directoryWriter(
  ground: Ground,
  job: string,
  { adopts = false }: WriterOptions = {},
): Promise<StoreWriter> {
  await ground.prepare();
  const id = writerName(job);
  await ensureFolder(ground, `${ground.layout.incoming}/${id}`);
  const others = adopts ? await listIfThere(ground.disk, ground.layout.incoming) : [];
  const heritage = await Heritage.of(
    ground,
    others.filter((name) => name !== id && isWriterOf(job, name)),
  );
  const writer = new DirectoryWriter(ground, id, heritage);
  await writer.adopt();
  return writer;
}

/** A second handle on a writer's area; undefined when the folder is gone. */
export async function joinDirectoryWriter(ground: Ground, id: string): Promise<StoreWriter | undefined> {
  if (!isWriter(id)) return undefined;
  const folder = await statIfThere(ground.disk, `${ground.layout.incoming}/${id}`);
  return folder?.kind === "folder" ? new DirectoryWriter(ground, id, undefined) : undefined;
}

class DirectoryWriter implements StoreWriter {
  readonly id: string;
  readonly #ground: Ground;
  readonly #folder: string;
  readonly #staged = new Set<Sha256>();
  /** Undefined for a second handle, which owns nothing. */
  readonly #heritage: Heritage | undefined;

  constructor(ground: Ground, id: string, heritage: Heritage | undefined) {
    this.id = id;
    this.#ground = ground;
    this.#folder = `${ground.layout.incoming}/${id}`;
    this.#heritage = heritage;
  }

  /** Takes over finished blobs: they were synced before they got their names, and nobody writes to them any more. */
  async adopt(): Promise<void> {
    for (const [sha256, path] of this.#heritage?.finished ?? []) {
      const linked = await orMissing(this.#ground.disk.link(path, this.#stagedPath(sha256)).then(() => true));
      if (linked === true) this.#staged.add(sha256);
    }
  }

  async create(expected?: Sha256): Promise<BlobSink> {
    const name = partialName(expected);
    const path = `${this.#folder}/${name}`;
    const fd = await orMissing(createFile(this.#ground, path));
    if (fd === undefined) throw this.#abandoned();
    const forget = async (): Promise<void> => {
      if (expected !== undefined) await this.#forgetPartials(expected, name);
    };
    const rename = async (to: string): Promise<void> => {
      const renamed = await orMissing(this.#ground.disk.rename(path, to).then(() => true));
      if (renamed !== true) throw this.#abandoned();
    };
    return new DirectorySink(this.#ground, {
      path,
      fd,
      location: `${this.id}/${name}`,
      canBeContinued: expected !== undefined,
      stage: async (sha256) => {
        await rename(this.#stagedPath(sha256));
        this.#staged.add(sha256);
        await forget();
      },
      leave: async () => {
        await rename(`${this.#folder}/${leftName(name)}`);
        await this.#forgetPartials(expected ?? "", leftName(name));
      },
      forget,
    });
  }

  async partial(sha256: Sha256): Promise<BlobReader | undefined> {
    let longest: { readonly path: string; readonly size: number } | undefined;
    for (const path of await this.#partialsOf(sha256)) {
      const size = (await statIfThere(this.#ground.disk, path))?.size ?? 0;
      if (size > (longest?.size ?? 0)) longest = { path, size };
    }
    return longest === undefined ? undefined : openBlob(this.#ground.disk, sha256, longest.path);
  }

  async look(): Promise<void> {
    for (const name of await listIfThere(this.#ground.disk, this.#folder)) {
      const parsed = parseIncomingName(name);
      if (parsed.kind === "finished") this.#staged.add(parsed.sha256);
    }
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
    this.#staged.clear();
    if (this.#heritage === undefined) return;
    await this.#heritage.clear(this.#ground);
    await emptyFolder(this.#ground, this.#folder);
  }

  /** What earlier tries left, here and in the folders taken over. One that is being written in this folder is nobody's heritage. */
  async #partialsOf(sha256: Sha256): Promise<string[]> {
    const here = await listIfThere(this.#ground.disk, this.#folder);
    const left = here.filter((name) => {
      const parsed = parseIncomingName(name);
      return parsed.kind === "left" && parsed.sha256 === sha256;
    });
    return [
      ...left.map((name) => `${this.#folder}/${name}`),
      ...(this.#heritage?.partials.get(sha256) ?? []),
    ];
  }

  async #forgetPartials(sha256: Sha256, except: string): Promise<void> {
    for (const path of await this.#partialsOf(sha256)) {
      if (!path.endsWith(`/${except}`)) await deleteIfThere(this.#ground.disk, path);
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

import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { partName, parsePartName } from "../../bundle/parts.ts";
import { HeadwaterError } from "../../error.ts";
import { clearly } from "./file-errors.ts";
import { PendingName } from "./pending-name.ts";

/** Where a bundle is written. */
export interface BundleOutput {
  /** For messages. */
  readonly name: string;
  /** Whether `cancel` takes back what was written. */
  readonly isErasable: boolean;
  /** Writes at the end; the buffer may be used again once this resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** All has been written. Resolves with the files that it is in. */
  finish(): Promise<readonly string[]>;
  /** Nothing of it is wanted. */
  cancel(): Promise<void>;
}

export interface BundleFileOptions {
  /** Bytes of each file; null: one file, however long. */
  readonly partSize: number | null;
  /** Replaces a bundle that is there. */
  readonly force: boolean;
}

/**
 * A bundle in a folder: files get their names when all of them are whole and synced, the first part last, since nothing can be made of the
 * others without it. What killed runs left is removed. Throws TARGET_UNUSABLE and TARGET_FULL.
 */
export async function bundleFile(path: string, options: BundleFileOptions): Promise<BundleOutput> {
  const pending = new PendingName(dirname(path));
  await pending.removeAbandoned(basename(path));
  if (!options.force) await refuseExisting(path);
  return new BundleFiles(path, options.partSize, pending);
}

interface Written {
  readonly temporary: string;
  readonly name: string;
}

class BundleFiles implements BundleOutput {
  readonly isErasable = true;
  readonly name: string;
  readonly #partSize: number | null;
  readonly #pending: PendingName;
  readonly #written: Written[] = [];
  readonly #sums: string[] = [];
  #current: { readonly handle: FileHandle; readonly hash: Hash | undefined; size: number } | undefined;

  constructor(path: string, partSize: number | null, pending: PendingName) {
    this.name = path;
    this.#partSize = partSize;
    this.#pending = pending;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; ) {
      const current = this.#current ?? (await this.#begin());
      const room = (this.#partSize ?? Number.POSITIVE_INFINITY) - current.size;
      const piece = bytes.subarray(at, at + Math.min(room, bytes.byteLength - at));
      await this.#write(current.handle, piece);
      current.hash?.update(piece);
      current.size += piece.byteLength;
      at += piece.byteLength;
      if (current.size === this.#partSize) await this.#end();
    }
  }

  async finish(): Promise<readonly string[]> {
    await this.#end();
    const earlier = await partsListed(sumsName(this.name));
    const names = this.#written.map(({ name }) => name);
    // As `sha256sum --check` reads it: a part can be looked at alone, without the others.
    if (this.#partSize !== null) {
      const sums = await this.#begin(sumsName(this.name), undefined);
      await this.#write(sums.handle, Buffer.from(this.#sums.join("")));
      await this.#end();
    }
    // Of two bundles that are half there nobody could tell which parts belong together.
    if (this.#partSize !== null) await removeIfThere(partName(this.name, 1));
    for (const { temporary, name } of this.#written.toReversed()) {
      await clearly("name", name, rename(temporary, name));
    }
    await this.#removeOthers(earlier);
    await this.#pending.syncFolder();
    return names;
  }

  async cancel(): Promise<void> {
    await this.#current?.handle.close().catch(() => undefined);
    this.#current = undefined;
    for (const { temporary } of this.#written) await unlink(temporary).catch(() => undefined);
  }

  async #begin(
    name = this.#partSize === null ? this.name : partName(this.name, this.#written.length + 1),
    hash: Hash | undefined = this.#partSize === null ? undefined : createHash("sha256"),
  ): Promise<{ readonly handle: FileHandle; readonly hash: Hash | undefined; size: number }> {
    const temporary = this.#pending.of(name);
    const handle = await clearly("create", temporary, open(temporary, "wx", 0o644));
    this.#written.push({ temporary, name });
    this.#current = { handle, hash, size: 0 };
    return this.#current;
  }

  async #write(handle: FileHandle, bytes: Uint8Array): Promise<void> {
    await clearly("write", this.name, handle.writeFile(bytes));
  }

  /** The file that is being written is whole. */
  async #end(): Promise<void> {
    const current = this.#current;
    const written = this.#written.at(-1);
    if (current === undefined || written === undefined) return;
    await clearly("sync", written.temporary, current.handle.sync());
    await current.handle.close();
    this.#current = undefined;
    if (current.hash !== undefined)
      this.#sums.push(`${current.hash.digest("hex")}  ${basename(written.name)}\n`);
  }

  /** What is left of an earlier bundle with this name would be taken for parts of this one. */
  async #removeOthers(earlier: readonly string[]): Promise<void> {
    const ours = new Set(this.#written.map(({ name }) => name));
    const sums = earlier.length === 0 ? [] : [sumsName(this.name)];
    for (const path of [this.name, ...earlier, ...sums]) if (!ours.has(path)) await removeIfThere(path);
  }
}

function sumsName(path: string): string {
  return `${path}.sha256`;
}

/** The parts of an earlier bundle, as its sums name them: other files may end in a number, too. */
async function partsListed(sums: string): Promise<readonly string[]> {
  const text = await readFile(sums, "utf8").catch(() => "");
  const name = basename(sums, ".sha256");
  const listed = [...text.matchAll(/^[0-9a-f]{64} {2}([^/\n]+)$/gm)].map(([, part = ""]) => part);
  return listed.filter((part) => parsePartName(part)?.name === name).map((part) => join(dirname(sums), part));
}

async function removeIfThere(path: string): Promise<void> {
  await clearly("remove", path, unlink(path)).catch((error: unknown) => {
    const isMissing = error instanceof HeadwaterError && error.details["errno"] === "ENOENT";
    if (!isMissing) throw error;
  });
}

/** The files of a bundle with this name that are there, parts or whole. */
async function filesOf(path: string): Promise<readonly string[]> {
  const names = await clearly("read", dirname(path), readdir(dirname(path)));
  const wanted = basename(path);
  return names.filter((name) => name === wanted || parsePartName(name)?.name === wanted);
}

/** Parts without the first one are no bundle: a run was killed while it named them. */
async function refuseExisting(path: string): Promise<void> {
  const names = await filesOf(path);
  const there = names.find((name) => name === basename(path) || parsePartName(name)?.number === 1);
  if (there === undefined) return;
  throw new HeadwaterError("TARGET_UNUSABLE", `${join(dirname(path), there)} is there already.`, {
    hint: "Name another file; --force replaces it.",
    details: { path: join(dirname(path), there) },
  });
}

/** A bundle that goes into a pipe. */
export function pipedOutput(write: (bytes: Uint8Array) => Promise<void>): BundleOutput {
  return {
    name: "the pipe",
    isErasable: false,
    write,
    finish: async () => [],
    cancel: async () => undefined,
  };
}

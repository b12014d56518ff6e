import { type FileHandle, open, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HeadwaterError } from "../error.ts";
import { parsePartName, partName } from "./parts.ts";

/** The bytes of a bundle, from its first to its last. */
export interface BundleSource {
  /** For messages: what a person would call the bundle. */
  readonly name: string;
  /** Fills the buffer, with less only at the end. */
  read(buffer: Uint8Array): Promise<number>;
  /** Goes on without looking at so many bytes. */
  skip(bytes: number): Promise<void>;
  /** Where bytes are, for messages: the name of a part, or several. */
  placeOf(position: number, size: number): string;
  /** Which parts there should be, once that is known. Throws BUNDLE_INCOMPLETE and BUNDLE_INVALID, naming the part. */
  expect(sizes: readonly number[]): void;
  close(): Promise<void>;
}

interface Part {
  readonly path: string;
  readonly size: number;
  /** Where it begins in the bundle. */
  readonly from: number;
}

/** A bundle in files: one, all its parts in their order, or its first part with the others beside it. Throws FILE_UNREADABLE. */
export async function openBundleFiles(paths: readonly string[]): Promise<BundleSource> {
  const all = await withSiblings(paths);
  const parts: Part[] = [];
  let from = 0;
  for (const path of all) {
    const { size } = await stat(path).catch((cause: unknown) => {
      throw unreadable(path, cause);
    });
    parts.push({ path, size, from });
    from += size;
  }
  return new FileSource(parts);
}

/** One file stands for the parts that are beside it; a bundle that is not there, for its parts. */
async function withSiblings(paths: readonly string[]): Promise<readonly string[]> {
  const [only = ""] = paths;
  if (paths.length !== 1) return paths.toSorted((one, other) => numberOf(one) - numberOf(other));
  const isThere = async (path: string): Promise<boolean> =>
    (await stat(path).catch(() => undefined)) !== undefined;
  const part = parsePartName(basename(only));
  if (part === undefined && (await isThere(only))) return [only];
  const base = join(dirname(only), part?.name ?? basename(only));
  const found: string[] = [];
  for (let number = 1; await isThere(partName(base, number)); number++) found.push(partName(base, number));
  return found.length === 0 ? [only] : found;
}

function numberOf(path: string): number {
  return parsePartName(basename(path))?.number ?? 0;
}

class FileSource implements BundleSource {
  readonly name: string;
  readonly #parts: readonly Part[];
  #position = 0;
  #open: { readonly part: Part; readonly handle: FileHandle } | undefined;

  constructor(parts: readonly Part[]) {
    const [first] = parts;
    this.name = first?.path ?? "";
    this.#parts = parts;
  }

  async read(buffer: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < buffer.byteLength) {
      const part = this.#parts.find(
        ({ from, size }) => this.#position >= from && this.#position < from + size,
      );
      if (part === undefined) break;
      const at = this.#position - part.from;
      const wanted = Math.min(buffer.byteLength - filled, part.size - at);
      const handle = await this.#handle(part);
      const { bytesRead } = await handle.read(buffer, filled, wanted, at).catch((cause: unknown) => {
        throw unreadable(part.path, cause);
      });
      // Cut while it is read.
      if (bytesRead === 0) break;
      filled += bytesRead;
      this.#position += bytesRead;
    }
    return filled;
  }

  async skip(bytes: number): Promise<void> {
    this.#position += bytes;
  }

  placeOf(position: number, size: number): string {
    const touched = this.#parts.filter(
      (part) => position < part.from + part.size && position + Math.max(size, 1) > part.from,
    );
    return (touched.length === 0 ? this.#parts.slice(-1) : touched).map(({ path }) => path).join(" or ");
  }

  expect(sizes: readonly number[]): void {
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const [only] = this.#parts;
    // Parts may have been joined again, as `cat` does.
    const wanted =
      this.#parts.length === 1 && parsePartName(basename(only?.path ?? "")) === undefined ? [total] : sizes;
    const isCut = sizes.length > 1;
    for (const [index, size] of wanted.entries()) {
      const part = this.#parts[index];
      if (part === undefined) throw this.#missingPart(index + 1, wanted.length);
      if (part.size < size)
        throw wrongSize(part, size, isCut ? "is cut off, or is the part of another bundle" : "is cut off");
      if (part.size > size) throw wrongSize(part, size, "is longer than its list says");
    }
    const extra = this.#parts[wanted.length];
    if (extra === undefined) return;
    throw new HeadwaterError(
      "BUNDLE_INVALID",
      `${extra.path} is no part of this bundle, which has ${wanted.length}.`,
      {
        hint: "Move away what is left of another bundle with this name, or name the parts that belong together.",
        details: { path: extra.path },
      },
    );
  }

  async close(): Promise<void> {
    await this.#open?.handle.close();
    this.#open = undefined;
  }

  async #handle(part: Part): Promise<FileHandle> {
    if (this.#open?.part === part) return this.#open.handle;
    await this.close();
    const handle = await open(part.path, "r").catch((cause: unknown) => {
      throw unreadable(part.path, cause);
    });
    this.#open = { part, handle };
    return handle;
  }

  #missingPart(number: number, of: number): HeadwaterError {
    const first = parsePartName(basename(this.name));
    const name =
      first === undefined ? `part ${number}` : partName(join(dirname(this.name), first.name), number);
    return new HeadwaterError("BUNDLE_INCOMPLETE", `${name} is missing: the bundle has ${of} parts.`, {
      hint: "Put all parts into one folder, or name each of them.",
      details: { missing: [name], parts: of },
    });
  }
}

/** A bundle that comes through a pipe. */
export function pipedBundle(name: string, pieces: AsyncIterable<Uint8Array>): BundleSource {
  const iterator = pieces[Symbol.asyncIterator]();
  let left: Uint8Array = new Uint8Array(0);
  const take = async (most: number): Promise<Uint8Array> => {
    while (left.byteLength === 0) {
      const next = await iterator.next();
      if (next.done === true) break;
      left = next.value;
    }
    const taken = left.subarray(0, most);
    left = left.subarray(taken.byteLength);
    return taken;
  };
  return {
    name,
    read: async (buffer) => {
      let filled = 0;
      while (filled < buffer.byteLength) {
        const piece = await take(buffer.byteLength - filled);
        if (piece.byteLength === 0) break;
        buffer.set(piece, filled);
        filled += piece.byteLength;
      }
      return filled;
    },
    skip: async (bytes) => {
      for (let to = bytes; to > 0; ) {
        const piece = await take(to);
        if (piece.byteLength === 0) break;
        to -= piece.byteLength;
      }
    },
    placeOf: () => name,
    expect: () => undefined,
    close: async () => {
      await iterator.return?.();
    },
  };
}

function wrongSize(part: Part, expected: number, why: string): HeadwaterError {
  return new HeadwaterError(
    "BUNDLE_INVALID",
    `${part.path} ${why}: expected ${expected} bytes, got ${part.size}.`,
    {
      hint: "Copy it again from where it was made.",
      details: { path: part.path, expected, found: part.size },
    },
  );
}

function unreadable(path: string, cause: unknown): HeadwaterError {
  const errno = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const why = errno === "ENOENT" ? "there is no such file" : `the system answers ${errno}`;
  return new HeadwaterError("FILE_UNREADABLE", `Cannot read ${path}: ${why}.`, {
    hint: "Name the bundle, its first part, or all its parts.",
    details: { path },
    cause,
  });
}

import { constants, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join, posix, resolve } from "node:path";
import { printable } from "../simplestreams/printable.ts";
import type { DocumentAnswer, FileAnswer, FileOptions, Tree } from "./tree.ts";

/** Bytes of one document. */
const MAX_DOCUMENT = 64 * 1024 * 1024;
const PIECE = 256 * 1024;

/** A tree in a folder, as a web server would serve it: paths lead no higher, and links in it may lead anywhere. */
export function openFolderTree(folder: string): Tree {
  const root = resolve(folder);
  return {
    name: printable(folder),
    kind: "folder",
    document: async (path, { signal } = {}) => {
      const pieces: Uint8Array[] = [];
      const answer = await readFile(root, path, {
        read: (piece) => void pieces.push(Buffer.from(piece)),
        most: MAX_DOCUMENT,
        signal,
      });
      return documentOf(answer, pieces);
    },
    file: (path, options = {}) => readFile(root, path, options),
    server: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
}

function documentOf(answer: FileAnswer, pieces: readonly Uint8Array[]): DocumentAnswer {
  return answer.kind === "there" ? { kind: "there", bytes: Buffer.concat(pieces) } : answer;
}

async function readFile(root: string, path: string, options: FileOptions): Promise<FileAnswer> {
  options.signal?.throwIfAborted();
  const place = placeOf(root, path);
  if (place === undefined) return { kind: "absent", why: "the path leads out of the folder" };
  try {
    // At once: it takes microseconds, a promise for each of ten thousand files takes longer, and so would an error.
    const found = statSync(place, { throwIfNoEntry: false });
    if (found === undefined) return { kind: "absent", why: "there is no such file" };
    if (found.isDirectory()) return { kind: "absent", why: "a folder is there instead of a file" };
    if (!found.isFile()) return { kind: "absent", why: "what is there is not a regular file" };
    if (options.read === undefined) return { kind: "there", size: found.size };
    // Without waiting: what was a file may be a pipe by now.
    const handle = await open(place, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return await readPieces(handle, options);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const why = reasonOf(error);
    if (why === undefined) throw error;
    return { kind: "absent", why };
  }
}

async function readPieces(
  handle: FileHandle,
  { read = () => undefined, most = Number.POSITIVE_INFINITY, signal }: FileOptions,
): Promise<FileAnswer> {
  const buffer = Buffer.allocUnsafe(PIECE);
  let size = 0;
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, PIECE, size);
    if (bytesRead === 0) return { kind: "there", size };
    size += bytesRead;
    if (size > most) return { kind: "absent", why: `it has more than ${most} bytes`, isLonger: true };
    read(buffer.subarray(0, bytesRead));
  }
}

/** As the clients join a path: `//` and `.` are nothing, and a leading `/` neither. Undefined when it leads out. */
function placeOf(root: string, path: string): string | undefined {
  const inside = posix.normalize(`./${path}`);
  if (inside === ".." || inside.startsWith("../") || inside.includes("\0")) return undefined;
  return join(root, inside);
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such file"],
  ["ENOTDIR", "there is no such file"],
  ["EACCES", "this user may not read it"],
  ["EPERM", "this user may not read it"],
  ["ELOOP", "links lead in a circle"],
  ["ENAMETOOLONG", "its name is too long for this file system"],
  ["EIO", "the disk cannot read it"],
  ["EISDIR", "a folder is there instead of a file"],
  ["ENXIO", "what is there is not a regular file"],
]);

function reasonOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? REASONS.get(String(error.code)) : undefined;
}

import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open, stat } from "node:fs/promises";
import { HeadwaterError } from "../error.ts";

/** What must stay the same for a file to count as unchanged. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
  /** Bytes. */
  readonly size: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** A regular file, open for reading. `close` waits for reads that are still under way. */
export interface ImageFile {
  readonly path: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  readonly identity: FileIdentity;
  /** Fills `buffer` from `position`; FILE_CHANGED when the file has become too short for that. */
  readInto(buffer: Uint8Array, position: number): Promise<void>;
  /** These bytes in a buffer of their own; FILE_CHANGED likewise. */
  readExactly(position: number, length: number): Promise<Buffer>;
  /** Throws FILE_CHANGED unless the file is still the one that was opened. */
  assertUnchanged(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens an image file given by a person. A symbolic link is followed; what is not a regular file is refused before it is
 * opened, since opening a FIFO waits for a writer and opening a device can do things.
 */
export async function openImageFile(path: string): Promise<ImageFile> {
  const handle = await openRegular(path);
  const pending = new Set<Promise<unknown>>();
  try {
    const identity = await identityOf(handle);
    if (identity.size === 0n) {
      throw new HeadwaterError("FILE_TRUNCATED", `${path} is empty`, {
        hint: "Copy or download the file again.",
      });
    }
    const readInto = async (buffer: Uint8Array, position: number): Promise<void> => {
      const reading = readFully(handle, buffer, position).catch((cause: unknown) => {
        throw unreadable(path, cause);
      });
      pending.add(reading);
      const length = await reading.finally(() => pending.delete(reading));
      if (length < buffer.length) throw changed(path, "it became shorter");
    };
    return {
      path,
      size: Number(identity.size),
      identity,
      readInto,
      readExactly: async (position, length) => {
        const buffer = Buffer.allocUnsafe(length);
        await readInto(buffer, position);
        return buffer;
      },
      assertUnchanged: async () => assertSame(path, identity, await identityOf(handle)),
      close: async () => {
        await Promise.allSettled(pending);
        await handle.close();
      },
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Opens, runs, and closes whatever happens. */
export async function withImageFile<T>(path: string, use: (file: ImageFile) => Promise<T>): Promise<T> {
  const file = await openImageFile(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Throws FILE_CHANGED when two looks at one path did not see the same file. */
export function assertSame(path: string, before: FileIdentity, after: FileIdentity): void {
  if (before.device !== after.device || before.inode !== after.inode) {
    throw changed(path, "another file took its place");
  }
  if (before.size !== after.size) {
    throw changed(path, `its size went from ${before.size} to ${after.size} bytes`);
  }
  if (before.modifiedNs !== after.modifiedNs || before.changedNs !== after.changedNs) {
    throw changed(path, "it was written to");
  }
}

function changed(path: string, what: string): HeadwaterError {
  return new HeadwaterError("FILE_CHANGED", `${path} changed while it was read: ${what}`, {
    hint: "Wait until the program that writes it is done, then try again.",
  });
}

async function openRegular(path: string): Promise<FileHandle> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw notRegular(path, found);
    // O_NONBLOCK: should a FIFO take the file's place at this moment, opening it does not wait for a writer.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const opened = await handle.stat();
    if (opened.isFile()) return handle;
    await handle.close();
    throw notRegular(path, opened);
  } catch (error) {
    if (error instanceof HeadwaterError) throw error;
    throw unreadable(path, error);
  }
}

interface Kind {
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
  isBlockDevice(): boolean;
}

function notRegular(path: string, found: Kind): HeadwaterError {
  const what = found.isDirectory()
    ? "a folder"
    : found.isFIFO()
      ? "a named pipe"
      : found.isSocket()
        ? "a socket"
        : found.isBlockDevice()
          ? "a block device"
          : "a character device";
  return new HeadwaterError("FILE_UNREADABLE", `${path} is ${what}, expected a regular file`, {
    hint: found.isFIFO()
      ? "Write the data to a file first: it is read more than once."
      : "Name an image file.",
  });
}

const REASONS = new Map([
  ["ENOENT", "there is no such file"],
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["ELOOP", "too many symbolic links"],
  ["ENOTDIR", "a part of its path is not a folder"],
  ["ENAMETOOLONG", "its name is too long"],
  ["EMFILE", "too many open files"],
  ["ENFILE", "too many open files"],
  ["EIO", "the disk reports an I/O error"],
]);

function unreadable(path: string, cause: unknown): HeadwaterError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const reason = REASONS.get(code) ?? (cause instanceof Error ? cause.message : String(cause));
  return new HeadwaterError("FILE_UNREADABLE", `cannot read ${path}: ${reason}`, {
    details: { reason: code },
    cause,
  });
}

async function identityOf(handle: FileHandle): Promise<FileIdentity> {
  const found = await handle.stat({ bigint: true });
  return {
    device: found.dev,
    inode: found.ino,
    size: found.size,
    modifiedNs: found.mtimeNs,
    changedNs: found.ctimeNs,
  };
}

/** One `read` may give less than asked for (a signal, a network file system); the end of the file is a read of 0. */
async function readFully(handle: FileHandle, buffer: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await handle.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

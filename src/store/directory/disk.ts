import * as fs from "node:fs";

/**
 * The calls the directory store makes, and no others, so that a test can record them (what was synced before what), let
 * them fail, or play them on a disk that loses power. Paths are absolute. Errors carry the errno name in `code`.
 */
export interface Disk {
  open(path: string, flags: OpenFlags): Promise<number>;
  /** Resolves with the bytes read; 0 only at the end. */
  read(fd: number, buffer: Uint8Array, position: number): Promise<number>;
  /** Writes all of it. */
  write(fd: number, bytes: Uint8Array, position: number): Promise<void>;
  /** Everything the file (or folder) holds is on the disk when this resolves. */
  sync(fd: number): Promise<void>;
  size(fd: number): Promise<number>;
  chmod(fd: number, mode: number): Promise<void>;
  chown(fd: number, owner: Owner): Promise<void>;
  close(fd: number): Promise<void>;
  stat(path: string): Promise<FileStat>;
  list(path: string): Promise<string[]>;
  mkdir(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  link(existing: string, path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** The kind of file system, as `statfs` names it: a magic number. */
  fileSystem(path: string): Promise<number>;
}

/** `read` (also for folders), `create` (must not exist). */
export type OpenFlags = "read" | "create";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface FileStat extends Owner {
  readonly kind: "file" | "folder" | "other";
  readonly size: number;
  readonly inode: number;
  readonly modifiedMs: number;
}

/** The errno name of a failed call, or undefined for an error of another kind. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** The disk of this machine. Descriptors and callbacks, since `FileHandle` costs twice as much per read. */
export const nodeDisk: Disk = {
  open: (path, flags) =>
    call((done) => {
      fs.open(path, flags === "read" ? "r" : "wx", 0o644, done);
    }),
  read: (fd, buffer, position) =>
    call((done) => {
      fs.read(fd, buffer, 0, buffer.byteLength, position, done);
    }),
  write: async (fd, bytes, position) => {
    for (let written = 0; written < bytes.byteLength; ) {
      written += await call<number>((done) => {
        fs.write(fd, bytes, written, bytes.byteLength - written, position + written, done);
      });
    }
  },
  sync: (fd) =>
    call((done) => {
      fs.fsync(fd, done);
    }),
  size: async (fd) => {
    const stat = await call<fs.Stats>((done) => {
      fs.fstat(fd, done);
    });
    return stat.size;
  },
  chmod: (fd, mode) =>
    call((done) => {
      fs.fchmod(fd, mode, done);
    }),
  chown: (fd, owner) =>
    call((done) => {
      fs.fchown(fd, owner.uid, owner.gid, done);
    }),
  close: (fd) =>
    call((done) => {
      fs.close(fd, done);
    }),
  stat: async (path) => {
    const stat = await fs.promises.lstat(path);
    return {
      kind: stat.isFile() ? "file" : stat.isDirectory() ? "folder" : "other",
      size: stat.size,
      inode: stat.ino,
      modifiedMs: stat.mtimeMs,
      uid: stat.uid,
      gid: stat.gid,
    };
  },
  list: (path) => fs.promises.readdir(path),
  mkdir: (path) => fs.promises.mkdir(path, 0o755),
  rmdir: (path) => fs.promises.rmdir(path),
  link: (existing, path) => fs.promises.link(existing, path),
  rename: (from, to) => fs.promises.rename(from, to),
  unlink: (path) => fs.promises.unlink(path),
  fileSystem: async (path) => (await fs.promises.statfs(path)).type,
};

/**
 * The same for a thread that does nothing but download: it writes at once instead of handing each piece to another thread and waking up again
 * afterwards, which costs a tenth of all processor time there (measured, two cores).
 */
export const blockingDisk: Disk = {
  ...nodeDisk,
  write: async (fd, bytes, position) => {
    for (let written = 0; written < bytes.byteLength; ) {
      written += fs.writeSync(fd, bytes, written, bytes.byteLength - written, position + written);
    }
  },
};

type Done<T> = (error: Error | null, result?: T) => void;

function call<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error !== null) reject(error);
      else resolve(result as T);
    });
  });
}

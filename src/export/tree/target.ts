import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rmdir,
  unlink,
} from "node:fs/promises";
import { basename, dirname, join, posix, resolve } from "node:path";
import { HeadwaterError } from "../../error.ts";
import { clear, errnoOf, notAFolder } from "./target-errors.ts";

/** What an export notes, its lock and its unfinished files, in the tree itself. */
export const OWN_FOLDER = ".headwater-export";

/** Files under way at once: twice the hands of the thread pool. */
export const AT_ONCE = 8;

const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/** What lies at a path. */
export interface Lying {
  readonly kind: "file" | "other";
  readonly size: number;
  readonly modifiedMs: number;
}

/**
 * The folder that a tree is written to. Paths are relative and checked; nothing outside is touched, since a symbolic link on the way is
 * refused and one at the end is replaced. What fails is a sentence for a person.
 */
export class Target {
  /** Without symbolic links. */
  readonly root: string;
  /** Folders known to be folders, by path below the root. */
  readonly #folders = new Map<string, Promise<boolean>>();
  /** Folders with names that are not synced yet. */
  readonly #unsynced = new Set<string>();

  private constructor(root: string) {
    this.root = root;
  }

  /** The folder as it is, or as it would be. */
  static async at(folder: string): Promise<Target> {
    return new Target(await realPlace(resolve(folder)));
  }

  /** Makes the folder, and the one for what an export notes. */
  async make(): Promise<void> {
    await clear("create the folder", this.root, mkdir(this.root, { recursive: true, mode: FOLDER_MODE }));
    // What was not there before is now.
    this.#folders.clear();
    await this.#ensureFolder(posix.join(OWN_FOLDER, "new"));
    await this.sync();
  }

  place(path: string): string {
    return join(this.root, path);
  }

  /** Undefined when there is nothing. */
  async look(path: string): Promise<Lying | undefined> {
    if (!(await this.#isFolder(posix.dirname(path)))) return undefined;
    const stat = await this.#stat(path);
    if (stat === undefined) return undefined;
    return { kind: stat.isFile() ? "file" : "other", size: stat.size, modifiedMs: stat.mtimeMs };
  }

  /** Names in the root, without what is ours; none when it is not there yet. */
  async foreignNames(): Promise<string[]> {
    const names = await this.#list(".");
    return names.filter((name) => name !== OWN_FOLDER && name !== "lost+found").sort();
  }

  /** Every file below the root but our own notes; links count as files. */
  async *everyFile(folder = ""): AsyncGenerator<string> {
    const entries = await clear(
      "list",
      this.place(folder),
      readdir(this.place(folder), { withFileTypes: true }),
    );
    for (const entry of entries) {
      const path = posix.join(folder, entry.name);
      if (path === OWN_FOLDER || path === "lost+found") continue;
      if (entry.isDirectory()) yield* this.everyFile(path);
      else yield path;
    }
  }

  /** For reading; a symbolic link is not followed, a pipe not waited for. */
  open(path: string): Promise<FileHandle> {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    return clear("open", this.place(path), open(this.place(path), flags));
  }

  /** A small file whole. */
  async read(path: string): Promise<Buffer> {
    const handle = await this.open(path);
    try {
      return await clear("read", this.place(path), handle.readFile());
    } finally {
      await handle.close();
    }
  }

  /** The place of an unfinished file, on the same file system, that nobody else uses. */
  temporary(): string {
    return this.place(posix.join(OWN_FOLDER, "new", randomBytes(9).toString("hex")));
  }

  /** Creates an unfinished file, for everybody to read whatever the umask. */
  async create(temporary: string): Promise<FileHandle> {
    const handle = await clear("create", temporary, open(temporary, "wx", FILE_MODE));
    try {
      await clear("set the mode of", temporary, handle.chmod(FILE_MODE));
    } catch (error) {
      await handle.close();
      throw error;
    }
    return handle;
  }

  /** Gives an unfinished file, which is synced, its name; it takes the place of what has it. */
  async name(temporary: string, path: string): Promise<void> {
    const folder = posix.dirname(path);
    await this.#ensureFolder(folder);
    await clear("move a file to", this.place(path), rename(temporary, this.place(path)));
    this.#unsynced.add(folder);
  }

  /** Removes a file, and the folders that are empty without it. True when it was there. */
  async remove(path: string): Promise<boolean> {
    if ((await this.look(path)) === undefined) return false;
    await clear("delete", this.place(path), unlink(this.place(path)));
    for (let folder = posix.dirname(path); ; folder = posix.dirname(folder)) {
      this.#unsynced.add(folder);
      if (folder === "." || !(await this.#removeIfEmpty(folder))) return true;
    }
  }

  /** All names that were given and taken survive a power cut once this resolves. */
  async sync(): Promise<void> {
    const folders = [...this.#unsynced];
    this.#unsynced.clear();
    for (const folder of folders) {
      const place = this.place(folder);
      const handle = await clear("open", place, open(place, constants.O_RDONLY | constants.O_DIRECTORY));
      try {
        await clear("sync", place, handle.sync());
      } finally {
        await handle.close();
      }
    }
  }

  /** Removes unfinished files that dead runs left; only for who holds the lock. */
  async removeUnfinished(): Promise<void> {
    const folder = posix.join(OWN_FOLDER, "new");
    for (const name of await this.#list(folder)) {
      const place = this.place(posix.join(folder, name));
      await clear("delete", place, unlink(place));
    }
  }

  async #removeIfEmpty(folder: string): Promise<boolean> {
    try {
      await rmdir(this.place(folder));
    } catch (error) {
      if (["ENOTEMPTY", "EEXIST", "EBUSY"].includes(errnoOf(error) ?? "")) return false;
      return clear("remove the folder", this.place(folder), Promise.reject(error));
    }
    this.#folders.delete(folder);
    this.#unsynced.delete(folder);
    return true;
  }

  /** False when there is no such folder. */
  #isFolder(folder: string): Promise<boolean> {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const looking = this.#lookAtFolder(folder);
    this.#folders.set(folder, looking);
    return looking;
  }

  async #lookAtFolder(folder: string): Promise<boolean> {
    if (folder !== "." && !(await this.#isFolder(posix.dirname(folder)))) return false;
    const stat = await this.#stat(folder);
    if (stat === undefined || stat.isDirectory()) return stat !== undefined;
    throw notAFolder(this.place(folder), stat.isSymbolicLink());
  }

  async #ensureFolder(folder: string): Promise<void> {
    if (await this.#isFolder(folder)) return;
    const parent = posix.dirname(folder);
    await this.#ensureFolder(parent);
    const place = this.place(folder);
    try {
      await mkdir(place, FOLDER_MODE);
    } catch (error) {
      // Another file of the same run needs it too.
      if (errnoOf(error) !== "EEXIST") await clear("create the folder", place, Promise.reject(error));
    }
    this.#folders.set(folder, this.#makeReadable(folder));
    this.#unsynced.add(parent);
    await this.#folders.get(folder);
  }

  /** Whatever the umask. */
  async #makeReadable(folder: string): Promise<boolean> {
    const place = this.place(folder);
    const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
    const handle = await clear("open", place, open(place, flags));
    try {
      await clear("set the mode of", place, handle.chmod(FOLDER_MODE));
      return true;
    } finally {
      await handle.close();
    }
  }

  async #stat(path: string): Promise<Stats | undefined> {
    try {
      return await lstat(this.place(path));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      return clear("look at", this.place(path), Promise.reject(error));
    }
  }

  async #list(folder: string): Promise<string[]> {
    try {
      return await readdir(this.place(folder));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      return clear("list", this.place(folder), Promise.reject(error));
    }
  }
}

/** Where a folder is, or would be, without symbolic links. */
async function realPlace(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (error) {
    const parent = dirname(folder);
    if (errnoOf(error) !== "ENOENT" || parent === folder) {
      return clear("look at", folder, Promise.reject(error));
    }
    if ((await lstat(folder).catch(() => undefined)) !== undefined) {
      throw new HeadwaterError("TARGET_UNUSABLE", `${folder} is a link that leads nowhere.`, {
        hint: "Name a folder, or make the one that the link names.",
        details: { path: folder },
      });
    }
    return join(await realPlace(parent), basename(folder));
  }
}

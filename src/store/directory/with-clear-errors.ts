import { HeadwaterError } from "../../error.ts";
import type { Disk } from "./disk.ts";
import { errnoOf } from "./disk.ts";

/** Outcomes that the store itself decides about; everything else is told to a person. */
const expected = new Set(["ENOENT", "EEXIST", "ENOTEMPTY"]);

/** A disk whose failures are sentences for people: a full disk, missing permission, a disk that fails. */
export function withClearErrors(disk: Disk): Disk {
  const clear = async <T>(verb: string, path: string, result: Promise<T>): Promise<T> => {
    try {
      return await result;
    } catch (error) {
      throw clearError(error, verb, path);
    }
  };
  const paths = new Map<number, string>();
  const pathOf = (fd: number): string => paths.get(fd) ?? `descriptor ${fd}`;
  return {
    open: async (path, flags) => {
      const fd = await clear(flags === "read" ? "open" : "create", path, disk.open(path, flags));
      paths.set(fd, path);
      return fd;
    },
    read: (fd, buffer, position) => clear("read", pathOf(fd), disk.read(fd, buffer, position)),
    write: (fd, bytes, position) => clear("write", pathOf(fd), disk.write(fd, bytes, position)),
    sync: (fd) => clear("sync", pathOf(fd), disk.sync(fd)),
    size: (fd) => clear("read the size of", pathOf(fd), disk.size(fd)),
    chmod: (fd, mode) => clear("set the mode of", pathOf(fd), disk.chmod(fd, mode)),
    chown: (fd, owner) => clear("set the owner of", pathOf(fd), disk.chown(fd, owner)),
    close: (fd) => {
      const path = pathOf(fd);
      // Before the call: the number may be given out again while this one waits for its answer.
      paths.delete(fd);
      return clear("close", path, disk.close(fd));
    },
    stat: (path) => clear("look at", path, disk.stat(path)),
    list: (path) => clear("list", path, disk.list(path)),
    mkdir: (path) => clear("create the folder", path, disk.mkdir(path)),
    rmdir: (path) => clear("remove the folder", path, disk.rmdir(path)),
    link: (existing, path) => clear("make the hard link", path, disk.link(existing, path)),
    rename: (from, to) => clear("move a file to", to, disk.rename(from, to)),
    unlink: (path) => clear("delete", path, disk.unlink(path)),
    fileSystem: (path) => clear("look at the file system of", path, disk.fileSystem(path)),
  };
}

function clearError(error: unknown, verb: string, path: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || expected.has(errno)) return error;
  const details = { path, errno };
  switch (errno) {
    case "ENOSPC":
      return new HeadwaterError("STORE_FULL", `Cannot ${verb} ${path}: the disk is full.`, {
        hint: "Free some space (`headwater prune` removes what is no longer listed), then try again.",
        details,
        cause: error,
      });
    case "EDQUOT":
      return new HeadwaterError("STORE_FULL", `Cannot ${verb} ${path}: the disk quota is used up.`, {
        hint: "Raise the quota or free some space (`headwater prune`), then try again.",
        details,
        cause: error,
      });
    case "EACCES":
    case "EPERM":
      return new HeadwaterError("STORE_UNUSABLE", `Cannot ${verb} ${path}: permission denied.`, {
        hint: "Run the command as the user who owns the store, or give that user access to this path.",
        details,
        cause: error,
      });
    case "EROFS":
      return new HeadwaterError("STORE_UNUSABLE", `Cannot ${verb} ${path}: the file system is read-only.`, {
        hint: "Mount it writable, or name another folder with --data.",
        details,
        cause: error,
      });
    case "ENOTDIR":
      return new HeadwaterError(
        "STORE_UNUSABLE",
        `Cannot ${verb} ${path}: a part of this path is not a folder.`,
        {
          hint: "Name a folder with --data.",
          details,
          cause: error,
        },
      );
    case "EMFILE":
    case "ENFILE":
      return new HeadwaterError("STORE_UNUSABLE", `Cannot ${verb} ${path}: too many open files.`, {
        hint: "Raise the limit of open files (`ulimit -n`, or LimitNOFILE= in the systemd unit).",
        details,
        cause: error,
      });
    case "EIO":
      return new HeadwaterError(
        "STORE_UNUSABLE",
        `Cannot ${verb} ${path}: the disk reports an error (EIO).`,
        {
          hint: "Look at the kernel log; if the disk is well, run `headwater verify`.",
          details,
          cause: error,
        },
      );
    default:
      return new HeadwaterError("STORE_UNUSABLE", `Cannot ${verb} ${path}: the system answers ${errno}.`, {
        details,
        cause: error,
      });
  }
}

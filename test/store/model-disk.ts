import type { Disk, FileStat, Owner } from "../../src/store/directory/disk.ts";

/**
 * A POSIX file system in memory that tells what has reached the disk from what has not. A power cut keeps everything that
 * was synced, and of the rest whatever the test chooses: a changed name survives for sure only when a folder it is in was
 * synced after the change, bytes only when their file was. A rename is one change.
 */
export class ModelDisk implements Disk {
  readonly #root: Folder = newFolder();
  readonly #open = new Map<number, { readonly node: Node; readonly path: string }>();
  #pending: Change[] = [];
  #nextFd = 3;

  /** What is there after the power comes back. `survives` is asked for each change and each file that was not synced. */
  afterPowerCut(survives: () => boolean): ModelDisk {
    const disk = new ModelDisk();
    const lost = new Set(this.#pending.filter(() => !survives()));
    const copies = new Map<Node, Node>();
    const copyOf = (node: Node): Node => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      const copy: Node =
        node.kind === "folder"
          ? newFolder()
          : { ...node, bytes: node.dirty && !survives() ? node.synced : node.bytes, dirty: false };
      copies.set(node, copy);
      if (node.kind === "folder" && copy.kind === "folder") {
        const entries = new Map(node.synced);
        for (const change of this.#pending) if (!lost.has(change)) apply(change, node, entries);
        for (const [name, child] of entries) copy.entries.set(name, copyOf(child));
        copy.synced = new Map(copy.entries);
      }
      return copy;
    };
    const root = copyOf(this.#root);
    if (root.kind === "folder") for (const [name, node] of root.entries) disk.#root.entries.set(name, node);
    disk.#root.synced = new Map(disk.#root.entries);
    return disk;
  }

  /** Descriptors that are open: for tests on leaks. */
  get openFiles(): readonly string[] {
    return Array.from(this.#open.values(), ({ path }) => path);
  }

  async open(path: string, flags: "read" | "create"): Promise<number> {
    if (flags === "create") {
      const { folder, name } = this.#parent(path);
      if (folder.entries.has(name)) throw errno("EEXIST", path);
      this.#change([{ folder, name, node: newFile() }]);
    }
    const fd = this.#nextFd++;
    this.#open.set(fd, { node: this.#find(path), path });
    return fd;
  }

  async read(fd: number, buffer: Uint8Array, position: number): Promise<number> {
    const part = this.#file(fd).bytes.subarray(position, position + buffer.byteLength);
    buffer.set(part);
    return part.byteLength;
  }

  async write(fd: number, bytes: Uint8Array, position: number): Promise<void> {
    const file = this.#file(fd);
    const longer = new Uint8Array(Math.max(file.bytes.byteLength, position + bytes.byteLength));
    longer.set(file.bytes);
    longer.set(bytes, position);
    file.bytes = longer;
    file.dirty = true;
  }

  async sync(fd: number): Promise<void> {
    const { node } = this.#opened(fd);
    if (node.kind === "file") {
      node.synced = node.bytes;
      node.dirty = false;
      return;
    }
    // A rename is one step of the journal: with one of its folders the other is safe too.
    const safe = this.#pending.filter((change) => change.some(({ folder }) => folder === node));
    for (const change of safe) for (const { folder } of change) apply(change, folder, folder.synced);
    this.#pending = this.#pending.filter((change) => !safe.includes(change));
  }

  async size(fd: number): Promise<number> {
    const { node } = this.#opened(fd);
    return node.kind === "file" ? node.bytes.byteLength : 0;
  }

  async chmod(): Promise<void> {}

  async chown(fd: number, owner: Owner): Promise<void> {
    this.#opened(fd).node.owner = owner;
  }

  async close(fd: number): Promise<void> {
    if (!this.#open.delete(fd)) throw errno("EBADF", String(fd));
  }

  async stat(path: string): Promise<FileStat> {
    const node = this.#find(path);
    const size = node.kind === "file" ? node.bytes.byteLength : 0;
    return { kind: node.kind, size, inode: node.inode, modifiedMs: Date.now(), ...node.owner };
  }

  async list(path: string): Promise<string[]> {
    const node = this.#find(path);
    if (node.kind !== "folder") throw errno("ENOTDIR", path);
    return Array.from(node.entries.keys());
  }

  async mkdir(path: string): Promise<void> {
    const { folder, name } = this.#parent(path);
    if (folder.entries.has(name)) throw errno("EEXIST", path);
    this.#change([{ folder, name, node: newFolder() }]);
  }

  async rmdir(path: string): Promise<void> {
    const node = this.#find(path);
    if (node.kind === "folder" && node.entries.size > 0) throw errno("ENOTEMPTY", path);
    this.#change([{ ...this.#parent(path), node: undefined }]);
  }

  async link(existing: string, path: string): Promise<void> {
    const node = this.#find(existing);
    const { folder, name } = this.#parent(path);
    if (folder.entries.has(name)) throw errno("EEXIST", path);
    this.#change([{ folder, name, node }]);
  }

  async rename(from: string, to: string): Promise<void> {
    const node = this.#find(from);
    const target = this.#parent(to);
    if (target.folder.entries.get(target.name) === node) return;
    this.#change([
      { ...target, node },
      { ...this.#parent(from), node: undefined },
    ]);
  }

  async unlink(path: string): Promise<void> {
    this.#find(path);
    this.#change([{ ...this.#parent(path), node: undefined }]);
  }

  async fileSystem(): Promise<number> {
    return 0xef53;
  }

  #change(change: Change): void {
    this.#pending.push(change);
    for (const { folder } of change) apply(change, folder, folder.entries);
  }

  #find(path: string): Node {
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    let node: Node = this.#root;
    for (const name of names) {
      const next: Node | undefined = node.kind === "folder" ? node.entries.get(name) : undefined;
      if (next === undefined) throw errno("ENOENT", path);
      node = next;
    }
    return node;
  }

  #parent(path: string): { folder: Folder; name: string } {
    const cut = path.lastIndexOf("/");
    const folder = this.#find(path.slice(0, cut));
    if (folder.kind !== "folder") throw errno("ENOTDIR", path);
    return { folder, name: path.slice(cut + 1) };
  }

  #opened(fd: number): { readonly node: Node; readonly path: string } {
    const opened = this.#open.get(fd);
    if (opened === undefined) throw errno("EBADF", String(fd));
    return opened;
  }

  #file(fd: number): FileNode {
    const { node, path } = this.#opened(fd);
    if (node.kind !== "file") throw errno("EISDIR", path);
    return node;
  }
}

interface FileNode {
  readonly kind: "file";
  readonly inode: number;
  owner: Owner;
  bytes: Uint8Array;
  synced: Uint8Array;
  dirty: boolean;
}

interface Folder {
  readonly kind: "folder";
  readonly inode: number;
  owner: Owner;
  readonly entries: Map<string, Node>;
  synced: Map<string, Node>;
}

type Node = FileNode | Folder;

/** What happens to names in one step. */
type Change = readonly { readonly folder: Folder; readonly name: string; readonly node: Node | undefined }[];

let inodes = 1;

function newFolder(): Folder {
  return {
    kind: "folder",
    inode: inodes++,
    owner: { uid: 0, gid: 0 },
    entries: new Map(),
    synced: new Map(),
  };
}

function newFile(): FileNode {
  const nothing = new Uint8Array();
  return {
    kind: "file",
    inode: inodes++,
    owner: { uid: 0, gid: 0 },
    bytes: nothing,
    synced: nothing,
    dirty: false,
  };
}

function apply(change: Change, folder: Folder, entries: Map<string, Node>): void {
  for (const part of change) {
    if (part.folder !== folder) continue;
    if (part.node === undefined) entries.delete(part.name);
    else entries.set(part.name, part.node);
  }
}

function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, errno: -1 });
}

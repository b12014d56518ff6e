import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBlobFiles, openOrMakeStore } from "../../../src/compose.ts";
import { type LxcOptions, type LxcReport, makeLxcFiles } from "../../../src/derive/lxc/make-lxc-files.ts";
import { addFiles } from "../../../src/intake/files/add-files.ts";
import type { BuildWishes } from "../../../src/intake/files/name-build.ts";
import { readDocument } from "../../../src/store/documents.ts";
import { itemsOf } from "../../../src/store/items.ts";
import type { Store } from "../../../src/store/store.ts";
import { tinyMetadataTar, type TinyOptions } from "../../image/tiny-image.ts";

/** A store in a folder, images for it, and programs that stand in for those of the system. */
export interface LxcSite {
  readonly folder: string;
  readonly store: Store;
  add(root: Uint8Array | string, wishes?: BuildWishes, options?: TinyOptions): Promise<void>;
  make(options?: Partial<LxcOptions>): Promise<LxcReport>;
  /** A folder with programs, each a shell script; everything else is found where it always is. */
  programs(scripts: Readonly<Record<string, string>>): Promise<string>;
  /** A document of the newest generation, as clients get it; undefined when there is none. */
  document(path: string): Promise<string | undefined>;
  /** The bytes of what the newest generation lists whose path ends so. */
  file(end: string): Promise<Buffer>;
  remove(): Promise<void>;
}

export async function lxcSite(): Promise<LxcSite> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-lxc-"));
  const store = await openOrMakeStore(join(folder, "store"));
  const newest = async () => {
    const generation = await store.newest();
    if (generation === undefined) throw new TypeError("the store is empty");
    return generation;
  };
  return {
    folder,
    store,
    async add(root, wishes = {}, options = {}) {
      const where = await mkdtemp(join(folder, "files-"));
      await writeFile(join(where, "incus.tar"), await tinyMetadataTar(options));
      const file = typeof root === "string" ? root : join(where, "root");
      if (typeof root !== "string") await writeFile(file, root);
      await addFiles(store, [join(where, "incus.tar"), file], wishes);
    },
    make: (options = {}) =>
      makeLxcFiles(store, { streams: new Set(["images"]), blobFiles: openBlobFiles(store.name), ...options }),
    async programs(scripts) {
      const bin = await mkdtemp(join(folder, "bin-"));
      for (const [name, script] of Object.entries(scripts)) {
        await writeFile(join(bin, name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
        await chmod(join(bin, name), 0o755);
      }
      return bin;
    },
    async document(path) {
      const record = (await newest()).documents[path];
      return record && new TextDecoder().decode(await readDocument(store, record));
    },
    async file(end) {
      const [, item] = [...(await itemsOf(store, await newest()))].find(([path]) => path.endsWith(end)) ?? [];
      const reader = item && (await store.open(item.sha256));
      if (reader === undefined) throw new TypeError(`nothing is listed as ${end}`);
      const bytes = Buffer.alloc(reader.size);
      await reader.read(bytes, 0);
      await reader.close();
      return bytes;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A squashfs of a small root with what is hard to keep; as root also a device node and other owners. Returns where it is. */
export async function hardSquashfs(folder: string): Promise<string> {
  const root = await mkdtemp(join(folder, "root-"));
  const long = "long-name-".repeat(12);
  for (const name of ["bin", "dev", "etc", "home/u", `${long}/${long}`])
    await mkdir(join(root, name), { recursive: true });
  await writeFile(join(root, "etc/hostname"), "LXC_NAME\n");
  await writeFile(join(root, `${long}/${long}/${long}`), "long\n");
  const isRoot = process.getuid?.() === 0;
  const script = `
    ln etc/hostname etc/hard; ln -s hostname etc/soft; chmod 4711 etc/hostname; chmod 1777 home
    truncate -s 5M sparse; echo end >> sparse; mkfifo dev/fifo
    setfattr -n user.test -v kept etc/hostname 2>/dev/null || :
    ${isRoot ? "mknod dev/null c 1 3; mknod dev/sda b 8 0; chown 1000:1001 home/u; chmod 0711 ." : ""}`;
  execFileSync("sh", ["-euc", script], { cwd: root });
  const file = join(folder, "root.squashfs");
  execFileSync("mksquashfs", [root, file, "-quiet", "-noappend", "-no-progress"], { stdio: "ignore" });
  return file;
}

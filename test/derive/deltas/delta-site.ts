import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDeltas, type MakeDeltasOptions } from "../../../src/derive/deltas/make-deltas.ts";
import type { DeltaReport } from "../../../src/derive/deltas/delta-report.ts";
import type { Xdelta3 } from "../../../src/derive/deltas/xdelta3.ts";
import { addFiles } from "../../../src/intake/files/add-files.ts";
import { readStreams } from "../../../src/publish/read-streams.ts";
import type { BlobFiles } from "../../../src/store/blob-files.ts";
import { directoryBlobFiles } from "../../../src/store/directory/blob-files.ts";
import { openDirectoryStore } from "../../../src/store/directory/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { type ImageRow, imageRows } from "../../../src/views/image-rows.ts";
import { tinySquashfs, writeTinyContainer } from "../../image/tiny-image.ts";

/** A store in a folder with builds of one product, whose roots have most of their bytes in common. */
export class DeltaSite {
  readonly folder: string;
  readonly store: Store;
  readonly files: BlobFiles;

  private constructor(folder: string, store: Store) {
    this.folder = folder;
    this.store = store;
    this.files = directoryBlobFiles(store.name);
  }

  static async create(): Promise<DeltaSite> {
    const folder = await mkdtemp(join(tmpdir(), "headwater-deltas-"));
    return new DeltaSite(folder, await openDirectoryStore(join(folder, "store"), { create: true }));
  }

  /** Adds a build; the same `salt` is the same root. Returns its fingerprint. */
  async add(version: string, salt = version, release = "1"): Promise<string> {
    const folder = await mkdtemp(join(this.folder, "build-"));
    const { metadata, root } = await writeTinyContainer(folder, { salt: `${release} ${version}` });
    await writeFile(root, rootBytes(salt));
    const { listed } = await addFiles(this.store, [metadata, root], { os: "demo", release, version });
    return listed.fingerprints[0] ?? "";
  }

  make(xdelta3: Xdelta3, options: Partial<MakeDeltasOptions> = {}): Promise<DeltaReport[]> {
    return makeDeltas({ store: this.store, files: this.files, xdelta3, maxSize: 2 ** 31, ...options });
  }

  /** Everything that the newest generation lists, newest versions first. */
  async rows(): Promise<ImageRow[]> {
    return imageRows(await readStreams(this.store, await this.store.newest()));
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

/** A squashfs as far as anybody looks, of 300 kB that all have in common and a kilobyte of its own. */
export function rootBytes(salt: string): Buffer {
  const common = Buffer.alloc(300_000, createHash("sha512").update("common").digest());
  return Buffer.concat([
    tinySquashfs(),
    common,
    Buffer.alloc(1000, createHash("sha512").update(salt).digest()),
  ]);
}

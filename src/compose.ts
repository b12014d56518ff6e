import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyFolder } from "./signing/key-folder.ts";
import { signerSource, type SigningOptions } from "./signing/signer-source.ts";
import type { BlobFiles } from "./store/blob-files.ts";
import { type BackupOptions, type BackupReport, backup } from "./store/directory/backup.ts";
import { directoryBlobFiles } from "./store/directory/blob-files.ts";
import { blockingDisk } from "./store/directory/disk.ts";
import { openDirectoryStore } from "./store/directory/open.ts";
import type { Store } from "./store/store.ts";

/** Who signs what is published: a key of the configuration, else of the store's folder; `off`: nobody, whatever was signed before. */
export type Signing = SigningOptions | "off";

/** The store in an existing folder. Throws STORE_UNUSABLE when there is none. `signing`: for whoever publishes there. */
export async function openStore(folder: string, signing?: Signing): Promise<Store> {
  return withSigning(await openDirectoryStore(folder), signing);
}

/** The same for a thread that does nothing but download. */
export function openStoreInThread(folder: string): Promise<Store> {
  return openDirectoryStore(folder, { disk: blockingDisk });
}

/** The store in a folder, made when there is none yet. */
export async function openOrMakeStore(folder: string, signing?: Signing): Promise<Store> {
  return withSigning(await openDirectoryStore(folder, { create: true }), signing);
}

/** The signing keys of a store's folder. */
export function keysOf(folder: string): KeyFolder {
  return new KeyFolder(join(folder, "keys"));
}

function withSigning(store: Store, signing: Signing | undefined): Store {
  if (signing === undefined) return store;
  if (signing === "off") return { ...store, mayGoUnsigned: true };
  const current = signerSource(keysOf(store.name), signing);
  return {
    ...store,
    get signer() {
      return current();
    },
  };
}

/** A store of its own in the system's temporary folder, for looking at what would be; `remove` it when done. */
export async function openScratchStore(): Promise<{
  readonly store: Store;
  readonly remove: () => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-"));
  const store = await openDirectoryStore(folder, { create: true });
  return { store, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Copies the store of one folder into another, which is a store then. */
export function backUpStore(
  folder: string,
  target: string,
  options: BackupOptions = {},
): Promise<BackupReport> {
  return backup(folder, target, options);
}

/** The files in which the store of a folder keeps its blobs. */
export function openBlobFiles(folder: string): BlobFiles {
  return directoryBlobFiles(folder);
}

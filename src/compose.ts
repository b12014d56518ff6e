import { openDirectoryStore } from "./store/directory/open.ts";
import type { Store } from "./store/store.ts";

/** The store in an existing folder. Throws STORE_UNUSABLE when there is none. */
export function openStore(folder: string): Promise<Store> {
  return openDirectoryStore(folder);
}

/** The store in a folder, made when there is none yet. */
export function openOrMakeStore(folder: string): Promise<Store> {
  return openDirectoryStore(folder, { create: true });
}

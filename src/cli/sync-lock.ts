import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { holderOf, type SocketLock, takeSocketLock } from "../store/socket-lock.ts";
import type { Store } from "../store/store.ts";

const LOOK_EVERY_MS = 500;

export interface SyncLockOptions {
  readonly signal: AbortSignal;
  /** Another process syncs this store now: called once, with its number. */
  readonly onWait?: (pid: number | undefined) => void;
}

/** Does some work while no other process syncs this store. Waits for its turn. */
export async function withSyncLock<T>(
  store: Store,
  options: SyncLockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await take(store, options);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function take(store: Store, { signal, onWait }: SyncLockOptions): Promise<SocketLock> {
  const path = join(store.name, "state", "sync.sock");
  await mkdir(dirname(path), { recursive: true });
  for (let isFirst = true; ; isFirst = false) {
    signal.throwIfAborted();
    const lock = await takeSocketLock(path);
    if (lock !== undefined) return lock;
    if (isFirst) onWait?.(await holderOf(path));
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS);
    });
  }
}

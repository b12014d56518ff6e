import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { holderOf, type SocketLock, takeSocketLock } from "../store/socket-lock.ts";
import type { Store } from "../store/store.ts";

const LOOK_EVERY_MS = 500;

/** What one process of a store does at a time. */
export type LockedWork = "sync" | "deltas" | "lxc";

export interface StoreLockOptions {
  readonly signal: AbortSignal;
  /** Another process is at it now: called once, with its number. */
  readonly onWait?: (pid: number | undefined) => void;
}

/** Does some work while no other process does the same in this store. Waits for its turn. */
export async function withStoreLock<T>(
  store: Store,
  name: LockedWork,
  options: StoreLockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await take(store, name, options);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function take(
  store: Store,
  name: LockedWork,
  { signal, onWait }: StoreLockOptions,
): Promise<SocketLock> {
  const path = join(store.name, "state", `${name}.sock`);
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

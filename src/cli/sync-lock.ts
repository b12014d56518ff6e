import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { holderOf, type SocketLock, takeSocketLock } from "../store/socket-lock.ts";
import type { Store } from "../store/store.ts";

const LOOK_EVERY_MS = 500;

export interface SyncLockOptions {
  readonly signal: AbortSignal;
  /** Another process does such work on this store now: called once, with its number. */
  readonly onWait?: (pid: number | undefined) => void;
}

/** Does some work while no other process syncs this store. Waits for its turn. */
export function withSyncLock<T>(store: Store, options: SyncLockOptions, work: () => Promise<T>): Promise<T> {
  return withLock(store, { ...options, name: "sync" }, work);
}

/** The same for what is made of the images that are listed: it takes a processor and memory, once and not twice. */
export function withDeriveLock<T>(
  store: Store,
  options: SyncLockOptions,
  work: () => Promise<T>,
): Promise<T> {
  return withLock(store, { ...options, name: "derive" }, work);
}

interface NamedLock extends SyncLockOptions {
  readonly name: "sync" | "derive";
}

async function withLock<T>(store: Store, options: NamedLock, work: () => Promise<T>): Promise<T> {
  const lock = await take(store, options);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function take(store: Store, { signal, onWait, name }: NamedLock): Promise<SocketLock> {
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

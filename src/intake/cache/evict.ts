import { changeHeld } from "../../store/hold.ts";
import { itemsOf } from "../../store/items.ts";
import { prune } from "../../store/prune.ts";
import type { Sha256, Store } from "../../store/store.ts";
import { chooseEvictions, type HeldItem } from "./choose-evictions.ts";
import type { LastUse } from "./last-use.ts";
import { pinnedBlobs } from "./pinned-blobs.ts";

export interface EvictorOptions {
  readonly store: Store;
  readonly lastUse: LastUse;
  /** Of the disk the store is on, in bytes. */
  readonly space: () => Promise<{ readonly free: number; readonly total: number }>;
  /** `--max-size` of a cache, in bytes. */
  readonly maxSizeOf: (stream: string) => Promise<number | undefined>;
  readonly graceMs?: number | undefined;
  /** Told after each eviction. */
  readonly onEvicted?: (stream: string, items: number, bytes: number) => void;
}

/** Makes room by giving up what was not asked for the longest time: one generation that lists it as being at the upstream, and a prune. */
export class Evictor {
  readonly #options: EvictorOptions;
  /** Blobs of running downloads. */
  readonly #underWay = new Map<Sha256, number>();
  #line: Promise<unknown> = Promise.resolve();

  constructor(options: EvictorOptions) {
    this.#options = options;
  }

  /** Room for a download of that size, made if it can be. False: it has to pass through unkept. Call `done` afterwards. */
  async room(stream: string, sha256: Sha256, size: number): Promise<boolean> {
    this.#underWay.set(sha256, size);
    return this.#inTurn(() => this.#within(stream, sha256));
  }

  done(sha256: Sha256): void {
    this.#underWay.delete(sha256);
  }

  /** Brings every cache within its limits. */
  async sweep(): Promise<void> {
    const newest = await this.#options.store.newest();
    for (const { name, origin } of newest?.streams ?? [])
      if (origin === "cache") await this.#inTurn(() => this.#within(name));
  }

  async #within(stream: string, wanted?: Sha256): Promise<boolean> {
    const { store, space, maxSizeOf, lastUse } = this.#options;
    const newest = await store.newest();
    if (newest === undefined) return wanted === undefined;
    const uses = await lastUse.of(stream);
    const held = new Map<Sha256, HeldItem>();
    const needed = new Set<Sha256>([...this.#underWay.keys(), ...(await pinnedBlobs(store, newest))]);
    for (const item of (await itemsOf(store, newest)).values()) {
      const { sha256, size } = item;
      if (!item.isHeld) continue;
      if (item.stream === stream) held.set(sha256, { sha256, size, lastUse: uses.get(sha256) ?? 0 });
      else needed.add(sha256);
    }
    // What others are fetching takes its space soon, too.
    const coming = [...this.#underWay.values()].reduce((sum, size) => sum + size, 0);
    const { evict, fits } = chooseEvictions({
      held: [...held.values()],
      needed,
      maxSize: await maxSizeOf(stream),
      disk: await space(),
      wanted: wanted === undefined ? 0 : coming,
    });
    const bytes = evict.reduce((sum, sha256) => sum + (held.get(sha256)?.size ?? 0), 0);
    if (evict.length > 0) await this.#evict(stream, evict, bytes);
    return fits;
  }

  async #evict(stream: string, evict: readonly Sha256[], bytes: number): Promise<void> {
    const { store, lastUse, graceMs, onEvicted } = this.#options;
    const writer = await store.writer("evict");
    try {
      const text = `${stream}: ${evict.length} ${evict.length === 1 ? "file" : "files"} given up`;
      await changeHeld(store, writer, { stream, reason: { verb: "cache", text }, remove: evict });
    } finally {
      await writer.close();
    }
    await prune(store, {
      now: Date.now(),
      freeNow: true,
      ...(graceMs === undefined ? {} : { graceMs }),
    });
    await lastUse.forget(stream, evict);
    onEvicted?.(stream, evict.length, bytes);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#line.then(work);
    this.#line = done.catch(() => undefined);
    return done;
  }
}

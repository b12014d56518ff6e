import type { BlobReader, Store } from "../../store/store.ts";
import { errorOf, type FillEvent, type WantedItem } from "./protocol.ts";

/** What a process knows of one download; all its readers of that blob share it. */
export class Subscription {
  readonly item: WantedItem;
  /** Bytes from the start that can be read. */
  limit = 0;
  /** Counts the files that the download has had. */
  version = 0;
  /** Whether no more events come. */
  isOver = false;
  #location: string | undefined;
  #failure: Error | undefined;
  readonly #watchers = new Set<() => void>();

  constructor(item: WantedItem) {
    this.item = item;
  }

  get hasBegun(): boolean {
    return this.#location !== undefined || this.isOver;
  }

  on(event: FillEvent): void {
    if (this.isOver) return;
    if ("begin" in event) {
      if (event.begin !== this.#location) {
        this.#location = event.begin;
        this.version += 1;
        this.limit = 0;
      }
    } else if ("written" in event) {
      this.limit = Math.max(this.limit, Math.min(event.written, this.item.size - 1));
    } else if ("verified" in event) {
      this.limit = this.item.size;
    } else if ("kept" in event) {
      // Without a `verified` of its own it was in the store before the question.
      if (event.kept) this.limit = this.item.size;
      this.isOver = true;
    } else {
      this.fail(errorOf(event.failed));
      return;
    }
    this.#wake();
  }

  fail(error: Error): void {
    if (this.isOver) return;
    this.#failure = error;
    this.isOver = true;
    this.#wake();
  }

  /** Resolves when the condition holds, or after that time; rejects when the download failed and the condition does not hold. */
  async until(condition: () => boolean, ms?: number): Promise<void> {
    const end = ms === undefined ? undefined : performance.now() + ms;
    while (!condition()) {
      if (this.#failure !== undefined) throw this.#failure;
      if (end !== undefined && performance.now() >= end) return;
      await this.#change(end === undefined ? undefined : end - performance.now());
    }
  }

  /** Resolves when the upstream has answered, when the time is over, or when nobody waits any more; rejects when the download failed. */
  async begun(ms: number, signal: AbortSignal): Promise<void> {
    const wake = (): void => this.#wake();
    signal.addEventListener("abort", wake, { once: true });
    try {
      await this.until(() => (this.hasBegun && this.#failure === undefined) || signal.aborted, ms);
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  /** The file as it is now: growing, or under its name in the store. */
  async openFile(store: Store): Promise<BlobReader | undefined> {
    const { sha256, size } = this.item;
    const growing = this.#location === undefined ? undefined : await store.openGrowing(this.#location, size);
    if (growing?.sha256 === sha256) return growing;
    await growing?.close();
    const kept = await store.open(sha256);
    if (kept?.size === size) return kept;
    await kept?.close();
    return undefined;
  }

  #change(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(done);
        resolve();
      };
      const timer = ms === undefined ? undefined : setTimeout(done, ms);
      this.#watchers.add(done);
    });
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

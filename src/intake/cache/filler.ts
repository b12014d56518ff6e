import type { Socket } from "node:net";
import { HeadwaterError } from "../../error.ts";
import type { Store, StoreWriter } from "../../store/store.ts";
import type { UpstreamOptions } from "../../upstream/upstream-options.ts";
import type { Transfers } from "../transfer/transfer.ts";
import type { Evictor } from "./evict.ts";
import { Keeper } from "./keep.ts";
import type { LastUse } from "./last-use.ts";
import { distrust, Pairs } from "./pairs.ts";
import {
  type FillEvent,
  failureOf,
  readLines,
  sendMessage,
  type UsedItem,
  type WantedItem,
  wantedItem,
} from "./protocol.ts";

/** The server's logger fits. */
export interface FillLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

export interface FillerOptions {
  readonly store: Store;
  /** How a cache's upstream is reached; undefined when it is offline or not configured any more. */
  readonly upstreamOf: (stream: string) => Promise<UpstreamOptions | undefined>;
  /** Downloads into the writer's area: one file of that size, in bytes. */
  readonly openTransfers: (writer: StoreWriter, upstream: UpstreamOptions, size: number) => Transfers;
  readonly evictor: Evictor;
  readonly lastUse: LastUse;
  readonly log: FillLog;
  /** Downloads at once; 8 unless told. Small files do not count. */
  readonly parallel?: number;
}

export interface FillCounts {
  running: number;
  waiting: number;
  /** Bytes from upstreams. */
  fetched: number;
  done: number;
  failed: number;
  /** Files that caches gave up for others. */
  evicted: number;
}

const PARALLEL = 8;
const SMALL = 1024 * 1024;

type Listener = (event: FillEvent) => void;

/** One download, and who wants to hear of it. */
interface Fill {
  readonly item: WantedItem;
  readonly listeners: Set<Listener>;
  location: string | undefined;
  written: number;
  isVerified: boolean;
}

/**
 * Fetches what caches list and do not hold, in the one process that holds `state/serve.sock`: one download per blob, whoever asks
 * and how many. A download goes on when all who asked have gone. Each has a writer of its own, which takes over what a download
 * of the same blob left that a crash cut.
 */
export class Filler {
  readonly counts: FillCounts = { running: 0, waiting: 0, fetched: 0, done: 0, failed: 0, evicted: 0 };
  readonly #options: FillerOptions;
  readonly #fills = new Map<string, Fill>();
  readonly #runs = new Set<Promise<void>>();
  readonly #queue: (() => void)[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #stop = new AbortController();
  readonly #keeper: Keeper;
  readonly #pairs: Pairs;

  constructor(options: FillerOptions) {
    this.#options = options;
    this.#keeper = new Keeper(options.store);
    this.#pairs = new Pairs(options.store);
  }

  /** For whoever takes `state/serve.sock`: a process asks. */
  readonly onConnection = (socket: Socket): void => {
    const leave = new Set<() => void>();
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      for (const end of leave) end();
    });
    readLines(socket, (line) => {
      const { ask, want, used } = line;
      const item = wantedItem(want);
      if (typeof ask === "number" && item !== undefined)
        leave.add(this.ask(item, (event) => sendMessage(socket, { ask, ...event })));
      else if (Array.isArray(used)) this.#noteUse(used);
    });
  };

  /** Asks for an item. The listener hears what has happened so far and what comes. Returns what ends the listening. */
  ask(item: WantedItem, listener: Listener): () => void {
    const key = `${item.sha256} ${item.size}`;
    const fill = this.#fills.get(key) ?? this.#begin(key, item);
    if (fill.location !== undefined) listener({ begin: fill.location });
    if (fill.isVerified) listener({ verified: true });
    else if (fill.written > 0) listener({ written: fill.written });
    fill.listeners.add(listener);
    return () => fill.listeners.delete(listener);
  }

  /** Cuts what is running. Finished files are kept. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const next of this.#queue.splice(0)) next();
    await Promise.all(this.#runs);
    for (const socket of this.#sockets) socket.destroy();
    await this.#options.lastUse.flush();
  }

  #begin(key: string, item: WantedItem): Fill {
    const fill: Fill = { item, listeners: new Set(), location: undefined, written: 0, isVerified: false };
    this.#fills.set(key, fill);
    const run = this.#follow(key, fill);
    this.#runs.add(run);
    void run.finally(() => this.#runs.delete(run));
    return fill;
  }

  async #follow(key: string, fill: Fill): Promise<void> {
    let end: FillEvent;
    try {
      end = { kept: await this.#run(fill) };
    } catch (error) {
      this.counts.failed += 1;
      const { stream, path } = fill.item;
      if (!this.#stop.signal.aborted)
        this.#options.log.warn({ stream, path, err: error }, "a file could not be fetched");
      end = { failed: failureOf(error) };
    }
    this.#fills.delete(key);
    tell(fill, end);
    fill.listeners.clear();
  }

  async #run(fill: Fill): Promise<boolean> {
    const { sha256, size } = fill.item;
    if ((await this.#options.store.sizeOf(sha256)) === size) {
      // Another image stream brought it, or it was let go a moment ago: now this one needs it, too.
      await this.#keeper.keep(fill.item.stream, sha256);
      return true;
    }
    const takesPlace = size > SMALL;
    if (takesPlace) await this.#place();
    try {
      this.#stop.signal.throwIfAborted();
      return await this.#fetch(fill);
    } finally {
      this.#options.evictor.done(sha256);
      if (takesPlace) {
        this.counts.running -= 1;
        this.#queue.shift()?.();
      }
    }
  }

  async #place(): Promise<void> {
    if (this.counts.running >= (this.#options.parallel ?? PARALLEL)) {
      this.counts.waiting += 1;
      await new Promise<void>((resolve) => this.#queue.push(resolve));
      this.counts.waiting -= 1;
    }
    this.counts.running += 1;
  }

  async #fetch(fill: Fill): Promise<boolean> {
    const { store, upstreamOf, openTransfers, evictor, lastUse } = this.#options;
    const { stream, path, sha256, size } = fill.item;
    const upstream = await upstreamOf(stream);
    if (upstream === undefined)
      throw new HeadwaterError("UPSTREAM_UNREACHABLE", `${stream}/${path}: no upstream is asked for it.`);
    const hasRoom = await evictor.room(stream, sha256, size);
    const pairs = await this.#pairs.ofRoot(stream, sha256);
    const writer = await store.writer(`fill-${sha256.slice(0, 16)}`, { adopts: true });
    const transfers = openTransfers(writer, upstream, size);
    try {
      const metadata = pairs.map((pair) => pair.metadata);
      const result = await transfers.transfer(
        { path, sha256, size, metadata },
        eventsOf(fill),
        this.#stop.signal,
      );
      this.counts.fetched += result.fetched;
      await writer.look();
      const wrong = pairs.filter((pair) => {
        const found = result.fingerprints.get(pair.metadata);
        return found !== undefined && found !== pair.fingerprint;
      });
      if (wrong.length > 0) {
        const fingerprints = wrong.map(({ fingerprint }) => fingerprint);
        this.#options.log.warn(
          { stream, path, fingerprints },
          "an image is not what its fingerprint says; it is hidden",
        );
        await distrust(store, writer, { stream, fingerprints });
        return false;
      }
      if (!hasRoom) {
        this.#options.log.info(
          { stream, path, size },
          "a file passed through unkept: there is no room for it",
        );
        return false;
      }
      await writer.place([sha256]);
      await this.#keeper.keep(stream, sha256);
      this.counts.done += 1;
      await lastUse.used([{ stream, sha256 }]);
      return true;
    } finally {
      await transfers.close();
      await writer.close();
    }
  }

  #noteUse(used: readonly unknown[]): void {
    const items: UsedItem[] = [];
    for (const one of used) {
      const item = wantedItem({ path: "", size: 0, ...(typeof one === "object" ? one : {}) });
      if (item !== undefined) items.push(item);
    }
    void this.#options.lastUse.used(items);
  }
}

function eventsOf(fill: Fill): {
  onBegin(location: string): void;
  onProgress(written: number): void;
  onVerified(): void;
} {
  return {
    onBegin: (location) => {
      fill.location = location;
      tell(fill, { begin: location });
    },
    onProgress: (written) => {
      fill.written = written;
      tell(fill, { written });
    },
    onVerified: () => {
      fill.isVerified = true;
      tell(fill, { verified: true });
    },
  };
}

function tell({ listeners }: Fill, event: FillEvent): void {
  for (const listener of listeners) listener(event);
}

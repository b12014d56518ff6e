import type { Socket } from "node:net";
import { HeadwaterError } from "../../error.ts";
import type { ServedItem } from "../../store/items.ts";
import { connectToHolder } from "../../store/socket-lock.ts";
import type { BlobReader, Store } from "../../store/store.ts";
import type { Fills } from "./fills.ts";
import { GrowingReader } from "./growing-reader.ts";
import { type FillEvent, readLines, sendMessage, type UsedItem } from "./protocol.ts";
import { Subscription } from "./subscription.ts";

export interface FillsOptions {
  readonly store: Store;
  /** `state/serve.sock` of the store. */
  readonly socketPath: string;
  /** Nobody listens there: this process may take over at once. Called again and again. */
  readonly onNobody?: () => void;
  /** How long an answer of the upstream, or another holder, is waited for; 20 s unless told. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 20_000;
const AGAIN_MS = 200;
const USED_EVERY_MS = 1000;
/** More than that many uses in a second are not told. */
const MOST_USED = 10_000;

/** Asks the process that holds the socket, which may be this one. */
export function openFills(options: FillsOptions): Fills {
  return new SocketFills(options);
}

class SocketFills implements Fills {
  readonly #options: FillsOptions;
  readonly #patienceMs: number;
  /** By blob. */
  readonly #running = new Map<string, Subscription>();
  /** By the number of the question. */
  readonly #asked = new Map<number, Subscription>();
  readonly #used = new Map<string, UsedItem>();
  #usedTimer: NodeJS.Timeout | undefined;
  #socket: Promise<Socket | undefined> | undefined;
  #next = 1;
  #isClosed = false;

  constructor(options: FillsOptions) {
    this.#options = options;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
  }

  async open(item: ServedItem, signal: AbortSignal): Promise<BlobReader> {
    const { store } = this.#options;
    const kept = await store.open(item.sha256);
    if (kept?.size === item.size) return kept;
    await kept?.close();
    // A download may end between its answer and our opening of the file: then it is asked for once more.
    for (let attempt = 0; attempt < 3; attempt++) {
      const subscription = this.#subscribe(item);
      await subscription.begun(this.#patienceMs, signal);
      if (!subscription.hasBegun || signal.aborted) throw noAnswer(item);
      const file = await subscription.openFile(store);
      if (file !== undefined) return new GrowingReader(store, subscription, file);
      if (!subscription.isOver) await subscription.until(() => subscription.isOver, AGAIN_MS);
    }
    throw noAnswer(item);
  }

  used({ stream, sha256 }: ServedItem): void {
    if (this.#used.size < MOST_USED) this.#used.set(`${stream} ${sha256}`, { stream, sha256 });
    this.#usedTimer ??= setTimeout(() => {
      this.#usedTimer = undefined;
      const used = [...this.#used.values()];
      this.#used.clear();
      void this.#tell(used);
    }, USED_EVERY_MS).unref();
  }

  async #tell(used: readonly UsedItem[]): Promise<void> {
    const socket = await this.#connect();
    if (socket === undefined) return;
    // In pieces: a line has a bound.
    for (let at = 0; at < used.length; at += 200) sendMessage(socket, { used: used.slice(at, at + 200) });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#usedTimer);
    (await this.#socket)?.destroy();
    for (const subscription of this.#running.values()) subscription.fail(noHolder(subscription.item.path));
    this.#running.clear();
  }

  #subscribe({ stream, path, sha256, size }: ServedItem): Subscription {
    const key = `${sha256} ${size}`;
    const known = this.#running.get(key);
    if (known !== undefined && !known.isOver) return known;
    const subscription = new Subscription({ stream, path, sha256, size });
    this.#running.set(key, subscription);
    void this.#ask(subscription);
    return subscription;
  }

  /** Asks whoever holds the socket now, and waits for somebody who does. */
  async #ask(subscription: Subscription): Promise<void> {
    const end = performance.now() + this.#patienceMs;
    while (!subscription.isOver && !this.#isClosed) {
      const socket = await this.#connect();
      if (socket !== undefined) {
        const ask = this.#next++;
        this.#asked.set(ask, subscription);
        sendMessage(socket, { ask, want: subscription.item });
        return;
      }
      this.#options.onNobody?.();
      if (performance.now() >= end) break;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    this.#end(subscription, noHolder(subscription.item.path));
  }

  #connect(): Promise<Socket | undefined> {
    this.#socket ??= connectToHolder(this.#options.socketPath).then(
      (socket) => {
        if (this.#isClosed) socket.destroy();
        socket.unref();
        socket.on("error", () => undefined);
        socket.once("close", () => this.#onLost());
        readLines(socket, (line) => this.#onLine(line));
        return socket;
      },
      () => {
        this.#socket = undefined;
        return undefined;
      },
    );
    return this.#socket;
  }

  #onLine(line: Readonly<Record<string, unknown>>): void {
    const { ask } = line;
    const subscription = typeof ask === "number" ? this.#asked.get(ask) : undefined;
    if (subscription === undefined) return;
    // It comes from this very program in another process of the same store.
    subscription.on(line as unknown as FillEvent);
    if (!subscription.isOver) return;
    this.#asked.delete(Number(ask));
    this.#forget(subscription);
  }

  /** The holder is gone. Whoever is the next one knows what is there of the files. */
  #onLost(): void {
    this.#socket = undefined;
    const open = [...this.#asked.values()];
    this.#asked.clear();
    for (const subscription of open) void this.#ask(subscription);
  }

  #end(subscription: Subscription, error: Error): void {
    subscription.fail(error);
    this.#forget(subscription);
  }

  #forget(subscription: Subscription): void {
    const key = `${subscription.item.sha256} ${subscription.item.size}`;
    if (this.#running.get(key) === subscription) this.#running.delete(key);
  }
}

function noAnswer({ stream, path }: ServedItem): HeadwaterError {
  return new HeadwaterError(
    "UPSTREAM_UNREACHABLE",
    `${stream}/${path}: the upstream gave no answer in time.`,
  );
}

function noHolder(path: string): HeadwaterError {
  return new HeadwaterError("UPSTREAM_UNREACHABLE", `${path}: no process of this store fetches files now.`);
}

import type { Socket } from "node:net";
import { type SocketLock, takeSocketLock } from "../store/socket-lock.ts";
import type { Logger } from "./logger.ts";

/** Something done now and then by the one process of a store that does such things. */
export interface BackgroundTask {
  readonly name: string;
  readonly everyMs: number;
  /** Until the first time; left out: `everyMs`. */
  readonly firstMs?: number;
  /** Must end soon after `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface BackgroundOptions {
  /** `state/serve.sock` of the store: whoever listens there does the background work. */
  readonly socketPath: string;
  readonly tasks: readonly BackgroundTask[];
  /** Another process, or this one, asks the one that does the work. */
  readonly onConnection?: (socket: Socket) => void;
  readonly log: Logger;
  /** How often a process that is not the one looks whether it can become it. */
  readonly retryMs?: number;
  readonly random?: () => number;
}

export interface Background {
  /** Whether this process does the work now. */
  readonly isHolder: boolean;
  /** Stops after the running task; the next process takes over. */
  close(): Promise<void>;
}

const RETRY_MS = 5000;

/**
 * Does the tasks in the one process that holds the socket, and waits for its turn in every other one. A lock for doing work once, not
 * for correctness: two processes that both believe to hold it do the same work twice, and every task can bear that.
 */
export async function startBackground(options: BackgroundOptions): Promise<Background> {
  const background = new Holder(options);
  await background.start();
  return background;
}

class Holder implements Background {
  readonly #options: BackgroundOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #lock: SocketLock | undefined;

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  get isHolder(): boolean {
    return this.#lock !== undefined;
  }

  async start(): Promise<void> {
    const { socketPath, tasks, onConnection, log, retryMs = RETRY_MS } = this.#options;
    try {
      this.#lock = await takeSocketLock(socketPath, onConnection);
    } catch (error) {
      // A full disk or a read-only folder must not keep images from being served.
      log.warn({ err: error }, "background work is not done by this process: its socket cannot be made");
    }
    if (this.#stop.signal.aborted) {
      await this.#lock?.release();
      return;
    }
    if (this.#lock !== undefined) for (const task of tasks) this.#schedule(task, task.firstMs);
    else this.#later(retryMs, () => this.start());
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#running);
    await this.#lock?.release();
    this.#lock = undefined;
  }

  /** Spread over a tenth of the time, so that many servers do not ask the same upstream at the same minute. */
  #schedule(task: BackgroundTask, waitMs: number = task.everyMs): void {
    const { random = Math.random } = this.#options;
    this.#later(waitMs * (0.95 + random() * 0.1), () => this.#run(task));
  }

  async #run(task: BackgroundTask): Promise<void> {
    const { log, retryMs = RETRY_MS } = this.#options;
    if ((await this.#lock?.isOurs()) !== true) {
      log.warn({ task: task.name }, "another process took over the background work");
      await this.#lock?.release();
      this.#lock = undefined;
      for (const timer of this.#timers) clearTimeout(timer);
      this.#timers.clear();
      this.#later(retryMs, () => this.start());
      return;
    }
    try {
      await task.run(this.#stop.signal);
    } catch (error) {
      if (!this.#stop.signal.aborted)
        log.error({ task: task.name, err: error }, "background work failed; it is tried again");
    }
    this.#schedule(task);
  }

  #later(ms: number, work: () => Promise<void>): void {
    if (this.#stop.signal.aborted) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const running = work().finally(() => this.#running.delete(running));
      this.#running.add(running);
    }, ms).unref();
    this.#timers.add(timer);
  }
}

import { Worker } from "node:worker_threads";
import { HeadwaterError } from "../../error.ts";
import { errorOf, type FromThread, type ThreadData, type ToThread } from "./messages.ts";
import type { TransferEvents, TransferJob, TransferResult, Transfers } from "./transfer.ts";

export interface PoolOptions extends ThreadData {
  /** The program of a thread. */
  readonly entry: URL;
  readonly threads: number;
}

/**
 * Transfers in threads of their own: receiving, decrypting and hashing take a whole core each, and the process goes on answering
 * meanwhile. Threads start with the first transfer that needs them.
 */
export function pooledTransfers(options: PoolOptions): Transfers {
  const { threads, upstream } = options;
  // The limit is for the upstream as a whole.
  const share =
    upstream.bandwidth === undefined ? upstream : { ...upstream, bandwidth: upstream.bandwidth / threads };
  const pool: Thread[] = [];
  const pick = (): Thread => {
    const idle = pool.toSorted((one, other) => one.running - other.running)[0];
    if (idle !== undefined && (idle.running === 0 || pool.length >= threads)) return idle;
    const thread = new Thread({ ...options, upstream: share }, () => pool.splice(pool.indexOf(thread), 1));
    pool.push(thread);
    return thread;
  };
  return {
    transfer: (job, events = {}, signal) => pick().transfer(job, events, signal),
    close: async () => {
      await Promise.all(pool.map((thread) => thread.close()));
    },
  };
}

interface Running {
  readonly events: TransferEvents;
  readonly resolve: (result: TransferResult) => void;
  readonly reject: (error: unknown) => void;
}

class Thread {
  readonly #worker: Worker;
  readonly #running = new Map<number, Running>();
  #next = 0;

  constructor({ entry, folder, writerId, upstream }: PoolOptions, onEnd: () => void) {
    const data: ThreadData = { folder, writerId, upstream };
    this.#worker = new Worker(entry, { workerData: data });
    this.#worker.unref();
    this.#worker.on("message", (message: FromThread) => this.#onMessage(message));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.once("exit", () => {
      onEnd();
      this.#fail(
        new HeadwaterError(
          "UPSTREAM_UNREACHABLE",
          "The thread that downloads ended; the download is tried again.",
        ),
      );
    });
  }

  get running(): number {
    return this.#running.size;
  }

  transfer(
    job: TransferJob,
    events: TransferEvents,
    signal: AbortSignal | undefined,
  ): Promise<TransferResult> {
    const id = this.#next++;
    const abort = (): void => this.#send({ kind: "abort", id });
    return new Promise<TransferResult>((resolve, reject) => {
      if (this.#running.size === 0) this.#worker.ref();
      this.#running.set(id, { events, resolve, reject });
      this.#send({ kind: "transfer", id, job });
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    }).finally(() => {
      signal?.removeEventListener("abort", abort);
      this.#running.delete(id);
      if (this.#running.size === 0) this.#worker.unref();
    });
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#worker.once("exit", resolve));
    this.#worker.ref();
    this.#send({ kind: "close" });
    await ended;
  }

  #send(message: ToThread): void {
    this.#worker.postMessage(message, []);
  }

  #onMessage(message: FromThread): void {
    const running = this.#running.get(message.id);
    if (running === undefined) return;
    switch (message.kind) {
      case "begin":
        running.events.onBegin?.(message.location);
        break;
      case "progress":
        running.events.onProgress?.(message.written);
        break;
      case "verified":
        running.events.onVerified?.();
        break;
      case "done":
        running.resolve(message.result);
        break;
      case "failed":
        running.reject(errorOf(message.error));
        break;
    }
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#running.values()) reject(error);
  }
}

import cluster from "node:cluster";
import type { Worker } from "node:cluster";
import { HeadwaterError } from "../error.ts";
import type { ErrorCode } from "../error.ts";
import type { Counters } from "./counters.ts";
import { sumCounters, zeroCounters } from "./counters.ts";
import type { Logger } from "./logger.ts";
import type { BoundAddress, RunningServer } from "./serve.ts";

/** What workers and their primary tell each other. */
type FromWorker =
  | { readonly kind: "ready"; readonly addresses: readonly BoundAddress[] }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string; readonly hint: string }
  | { readonly kind: "counters"; readonly counters: Counters };
type FromPrimary = { readonly kind: "close"; readonly graceMs: number };

/** True in a process that `startWorkers` made: it calls `runWorker` and nothing else. */
export function isWorker(): boolean {
  return cluster.isWorker;
}

export interface WorkersOptions {
  readonly count: number;
  readonly log: Logger;
}

const CLOSE_GRACE_MS = 60_000;
/** Beyond the grace for downloads, until a worker that does not end is killed. */
const KILL_AFTER_MS = 5000;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** A worker that lived this long died of something new. */
const STEADY_MS = 60_000;
const COUNT_EVERY_MS = 1000;

/**
 * Several processes behind the same ports (node:cluster): encryption takes one core per process. Each is this program started again with the
 * same arguments. Resolves when all of them serve; throws what kept the first from serving. A worker that dies later is replaced.
 */
export async function startWorkers(options: WorkersOptions): Promise<RunningServer> {
  const pool = new WorkerPool(options);
  await pool.start();
  return pool;
}

/** In a worker: starts the server, tells the primary, and closes when told to or when the primary is gone. Resolves when closed, or when it could not start. */
export async function runWorker(start: () => Promise<RunningServer>): Promise<void> {
  let server: RunningServer;
  try {
    server = await start();
  } catch (error) {
    const known = error instanceof HeadwaterError;
    await tell({
      kind: "failed",
      code: known ? error.code : "ADDRESS_UNUSABLE",
      message: error instanceof Error ? error.message : String(error),
      hint: (known ? error.hint : undefined) ?? "",
    });
    // The primary says it, once for all workers.
    process.exitCode = 1;
    if (process.connected) process.disconnect();
    return;
  }
  await tell({ kind: "ready", addresses: server.addresses });
  const counting = setInterval(() => {
    void tell({ kind: "counters", counters: { ...server.counters } });
  }, COUNT_EVERY_MS).unref();
  await new Promise<void>((resolve, reject) => {
    const close = (graceMs: number): void => {
      server.close(graceMs).then(resolve, reject);
    };
    process.on("message", (message: FromPrimary) => close(message.graceMs));
    // The primary died: whoever starts it again needs the ports.
    process.once("disconnect", () => close(CLOSE_GRACE_MS));
  });
  clearInterval(counting);
  if (process.connected) process.disconnect();
}

function tell(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}

class WorkerPool implements RunningServer {
  readonly #options: WorkersOptions;
  readonly #counters = new Map<Worker, Counters>();
  #gone = zeroCounters();
  #addresses: readonly BoundAddress[] = [];
  #backoffMs = FIRST_BACKOFF_MS;
  #isClosing = false;
  #closing: Promise<void> | undefined;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #workers = new Set<Worker>();
  readonly #serving = new Set<Worker>();

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  get addresses(): readonly BoundAddress[] {
    return this.#addresses;
  }

  get counters(): Readonly<Counters> {
    return sumCounters([this.#gone, ...this.#counters.values()]);
  }

  async start(): Promise<void> {
    try {
      await Promise.all(Array.from({ length: this.#options.count }, () => this.#fork()));
    } catch (error) {
      await this.close(0);
      throw error;
    }
  }

  close(graceMs: number = CLOSE_GRACE_MS): Promise<void> {
    this.#isClosing = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#closing ??= Promise.all(Array.from(this.#workers, (worker) => this.#end(worker, graceMs))).then(
      () => undefined,
    );
    return this.#closing;
  }

  /** Resolves when the worker serves; rejects when it cannot. */
  #fork(): Promise<void> {
    const worker = cluster.fork();
    const bornMs = performance.now();
    this.#workers.add(worker);
    return new Promise((resolve, reject) => {
      let isReady = false;
      worker.on("message", (message: FromWorker) => {
        if (message.kind === "counters") this.#counters.set(worker, message.counters);
        else if (message.kind === "failed") {
          reject(
            new HeadwaterError(
              message.code,
              message.message,
              message.hint === "" ? {} : { hint: message.hint },
            ),
          );
        } else {
          isReady = true;
          this.#serving.add(worker);
          this.#addresses = message.addresses;
          resolve();
        }
      });
      // What Node could not send to a worker that has just gone, such as the answer to its wish to listen. Its exit tells the rest; without
      // this the primary would end, and all workers with it.
      worker.on("error", () => undefined);
      worker.once("exit", (code, signal) => {
        this.#bury(worker);
        const facts = { pid: worker.process.pid, status: code, signal };
        if (!isReady)
          reject(
            new HeadwaterError("ADDRESS_UNUSABLE", `A worker ended with status ${code} before it served.`),
          );
        if (isReady && !this.#isClosing)
          this.#options.log.error(facts, "a worker ended; another one takes its place");
        if (isReady) this.#replace(performance.now() - bornMs);
      });
    });
  }

  #bury(worker: Worker): void {
    this.#workers.delete(worker);
    this.#serving.delete(worker);
    const last = this.#counters.get(worker);
    this.#counters.delete(worker);
    // What it counted stays counted; what it was doing does not.
    if (last !== undefined) {
      const ended = {
        ...last,
        connections: 0,
        activeSends: 0,
        waitingSends: 0,
        bufferBytes: 0,
        generation: 0,
      };
      this.#gone = { ...sumCounters([this.#gone, ended]), generation: 0 };
    }
  }

  #replace(livedMs: number): void {
    if (this.#isClosing) return;
    this.#backoffMs =
      livedMs > STEADY_MS ? FIRST_BACKOFF_MS : Math.min(this.#backoffMs * 2, LONGEST_BACKOFF_MS);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#isClosing) return;
      this.#fork().catch((error: unknown) => {
        this.#options.log.error({ err: error }, "a new worker cannot serve; it is tried again");
        this.#replace(0);
      });
    }, this.#backoffMs);
    this.#timers.add(timer);
  }

  #end(worker: Worker, graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const kill = setTimeout(() => worker.process.kill("SIGKILL"), graceMs + KILL_AFTER_MS);
      worker.once("exit", () => {
        clearTimeout(kill);
        resolve();
      });
      if (this.#serving.has(worker) && worker.isConnected()) {
        worker.send({ kind: "close", graceMs } satisfies FromPrimary, () => undefined);
      } else {
        // It serves nobody yet, and does not listen yet either.
        worker.process.kill("SIGKILL");
      }
    });
  }
}

export interface SendSlotsOptions {
  /** Answers that may have unsent bytes at once. */
  readonly limit: number;
  /** Answers that may wait for their turn; more are refused at once. */
  readonly queueLimit: number;
  /** Longest wait. Below the 30 s after which Incus and LXD give up on the headers of a file. */
  readonly waitMs: number;
  /** When others wait, a send that has not finished a write for this long may lose its place. */
  readonly stalledMs: number;
}

export const SEND_SLOTS: SendSlotsOptions = { limit: 512, queueLimit: 4096, waitMs: 20_000, stalledMs: 3000 };

/** A place among the sends. */
export interface SendSlot {
  /** A write has left. */
  progress(): void;
  /** To be called exactly once, at the end. */
  release(): void;
}

interface Active {
  lastProgress: number;
  readonly evict: () => void;
}

interface Waiting {
  readonly client: string;
  readonly evict: () => void;
  readonly resolve: (slot: SendSlot | undefined) => void;
  readonly deadline: number;
}

/**
 * Bounds how many sends hold buffers at once. The others wait, clients taking turns, so that one that asks a thousand times at once
 * delays itself and not the rest. Readers that stall do not block those who read: when somebody waits, the send that has
 * gone longest without progress makes room.
 */
export class SendSlots {
  readonly #options: SendSlotsOptions;
  /** In order of last progress, the most stalled first. */
  readonly #active = new Set<Active>();
  /** By client, the one whose turn is next first; no set is empty. */
  readonly #queues = new Map<string, Set<Waiting>>();
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #evicted = 0;

  constructor(options: SendSlotsOptions = SEND_SLOTS) {
    this.#options = options;
  }

  get active(): number {
    return this.#active.size;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Sends that were cut to make room. */
  get evicted(): number {
    return this.#evicted;
  }

  /** A slot at once when one is free. `evict` must cut the connection, after which `release` is called as always. */
  tryAcquire(evict: () => void): SendSlot | undefined {
    if (this.#active.size >= this.#options.limit || this.#waiting > 0) return undefined;
    return this.#enter(evict);
  }

  /**
   * Waits for a slot; undefined when there was none in time, too many wait, or `signal` says nobody wants it any more.
   * `client` is who asks: an address.
   */
  acquire(client: string, evict: () => void, signal: AbortSignal): Promise<SendSlot | undefined> {
    const slot = this.tryAcquire(evict);
    if (slot !== undefined) return Promise.resolve(slot);
    if (signal.aborted || this.#waiting >= this.#options.queueLimit) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const waiting: Waiting = { client, evict, resolve, deadline: now() + this.#options.waitMs };
      this.#enqueue(waiting);
      signal.addEventListener("abort", () => this.#refuse(waiting), { once: true });
      this.#timer ??= setInterval(() => this.#makeRoom(), Math.min(250, this.#options.stalledMs)).unref();
      this.#makeRoom();
    });
  }

  #enter(evict: () => void): SendSlot {
    const active: Active = { lastProgress: now(), evict };
    this.#active.add(active);
    return {
      progress: () => {
        active.lastProgress = now();
        // Set keeps order of insertion: moving to the end keeps the most stalled at the front.
        if (this.#active.delete(active)) this.#active.add(active);
      },
      release: () => {
        if (this.#active.delete(active)) this.#admit();
      },
    };
  }

  #enqueue(waiting: Waiting): void {
    const queue = this.#queues.get(waiting.client);
    if (queue === undefined) this.#queues.set(waiting.client, new Set([waiting]));
    else queue.add(waiting);
    this.#waiting += 1;
  }

  #dequeue(waiting: Waiting): boolean {
    const queue = this.#queues.get(waiting.client);
    if (queue?.delete(waiting) !== true) return false;
    if (queue.size === 0) this.#queues.delete(waiting.client);
    this.#waiting -= 1;
    return true;
  }

  #refuse(waiting: Waiting): void {
    if (this.#dequeue(waiting)) waiting.resolve(undefined);
  }

  #admit(): void {
    while (this.#active.size < this.#options.limit) {
      const [client, queue] = this.#queues.entries().next().value ?? [];
      const [waiting] = queue ?? [];
      if (client === undefined || queue === undefined || waiting === undefined) break;
      this.#dequeue(waiting);
      // Its next one comes after one of everybody else's.
      if (this.#queues.delete(client)) this.#queues.set(client, queue);
      waiting.resolve(this.#enter(waiting.evict));
    }
    if (this.#waiting === 0 && this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #makeRoom(): void {
    const time = now();
    this.#refuseLate(time);
    let wanted = this.#waiting;
    for (const active of this.#active) {
      if (wanted === 0 || time - active.lastProgress < this.#options.stalledMs) break;
      wanted -= 1;
      this.#evicted += 1;
      // Out at once: its buffers come back within the same turn of the loop or the next.
      this.#active.delete(active);
      active.evict();
    }
    this.#admit();
  }

  #refuseLate(time: number): void {
    for (const queue of this.#queues.values()) {
      for (const waiting of queue) {
        if (waiting.deadline > time) break;
        this.#refuse(waiting);
      }
    }
  }
}

function now(): number {
  return performance.now();
}

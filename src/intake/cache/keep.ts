import { changeHeld } from "../../store/hold.ts";
import type { Sha256, Store } from "../../store/store.ts";

interface Waiting {
  readonly sha256: Sha256;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Publishes that files are held. Those that finish while a generation is being made share the next one. */
export class Keeper {
  readonly #store: Store;
  readonly #waiting = new Map<string, Waiting[]>();
  #isWorking = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The blob is placed. Resolves when a generation says that it is held. */
  keep(stream: string, sha256: Sha256): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(stream) ?? [];
      waiting.push({ sha256, resolve, reject });
      this.#waiting.set(stream, waiting);
      if (!this.#isWorking) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    for (;;) {
      // Downloads that end in the same moment come together here.
      await new Promise((resolve) => setTimeout(resolve, 5));
      const [next] = this.#waiting;
      if (next === undefined) break;
      const [stream, files] = next;
      this.#waiting.delete(stream);
      try {
        await this.#publish(
          stream,
          files.map(({ sha256 }) => sha256),
        );
        for (const { resolve } of files) resolve();
      } catch (error) {
        for (const { reject } of files) reject(error);
      }
    }
    this.#isWorking = false;
  }

  async #publish(stream: string, add: readonly Sha256[]): Promise<void> {
    const writer = await this.#store.writer("hold");
    try {
      const text = `${stream}: ${add.length} ${add.length === 1 ? "file" : "files"} held`;
      await changeHeld(this.#store, writer, { stream, reason: { verb: "cache", text }, add });
    } finally {
      await writer.close();
    }
  }
}

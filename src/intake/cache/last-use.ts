import { isObject } from "../../simplestreams/containers.ts";
import type { Sha256, Store } from "../../store/store.ts";
import type { UsedItem } from "./protocol.ts";

/** Between two writings of the same note. */
const EVERY_MS = 60_000;

interface Uses {
  /** Seconds since 1970. */
  readonly at: Map<Sha256, number>;
  writtenMs: number;
  isChanged: boolean;
}

/** When items of caches were last asked for, in the notes `use/<stream>`. A lost minute only makes eviction less exact. */
export class LastUse {
  readonly #store: Store;
  readonly #now: () => number;
  readonly #streams = new Map<string, Promise<Uses>>();

  constructor(store: Store, now: () => number = Date.now) {
    this.#store = store;
    this.#now = now;
  }

  async used(items: readonly UsedItem[]): Promise<void> {
    for (const { stream, sha256 } of items) {
      const uses = await this.#of(stream);
      uses.at.set(sha256, Math.floor(this.#now() / 1000));
      uses.isChanged = true;
    }
    for (const { stream } of items) {
      const uses = await this.#of(stream);
      if (uses.isChanged && this.#now() - uses.writtenMs >= EVERY_MS) await this.#write(stream, uses);
    }
  }

  /** Seconds since 1970; what was never asked for is not in it. */
  async of(stream: string): Promise<ReadonlyMap<Sha256, number>> {
    return (await this.#of(stream)).at;
  }

  /** Forgets what is not held any more. */
  async forget(stream: string, gone: Iterable<Sha256>): Promise<void> {
    const uses = await this.#of(stream);
    for (const sha256 of gone) uses.at.delete(sha256);
    await this.#write(stream, uses);
  }

  async flush(): Promise<void> {
    for (const [stream, loading] of this.#streams) {
      const uses = await loading;
      if (uses.isChanged) await this.#write(stream, uses);
    }
  }

  #of(stream: string): Promise<Uses> {
    const known = this.#streams.get(stream) ?? this.#read(stream);
    this.#streams.set(stream, known);
    return known;
  }

  async #read(stream: string): Promise<Uses> {
    const at = new Map<Sha256, number>();
    try {
      const value: unknown = JSON.parse((await this.#store.readNote(`use/${stream}`)) ?? "{}");
      for (const [sha256, seconds] of Object.entries(isObject(value) ? value : {}))
        if (typeof seconds === "number") at.set(sha256, seconds);
    } catch {
      // A note that makes no sense is no note.
    }
    return { at, writtenMs: 0, isChanged: false };
  }

  async #write(stream: string, uses: Uses): Promise<void> {
    uses.isChanged = false;
    uses.writtenMs = this.#now();
    await this.#store.writeNote(`use/${stream}`, JSON.stringify(Object.fromEntries(uses.at)));
  }
}

import { createHash, randomBytes } from "node:crypto";

import { HeadwaterError } from "../../error.ts";
import { encodeGeneration, parseGeneration } from "../generation-file.ts";
import type { Generation } from "../generation.ts";
import { isNoteName } from "../note-name.ts";
import type {
  BlobReader,
  BlobSink,
  RetiredBlob,
  Sha256,
  Store,
  StoreWriter,
  WriterOptions,
} from "../store.ts";

/** A store that lives as long as the process: for tests, and for trying things out. Every method is one step. */
export function createMemoryStore(name = "memory"): Store {
  return new MemoryStore(name);
}

class MemoryStore implements Store {
  readonly name: string;
  readonly #generations = new Map<number, Uint8Array>();
  readonly #live = new Map<Sha256, Uint8Array>();
  readonly #trash = new Map<number, Map<Sha256, Uint8Array>>();
  readonly #quarantined = new Map<Sha256, Uint8Array>();
  readonly #writers = new Map<string, Staging>();
  readonly #notes = new Map<string, string>();

  constructor(name: string) {
    this.name = name;
  }

  async newest(): Promise<Generation | undefined> {
    return this.generation(this.#generations.size);
  }

  async generation(number: number): Promise<Generation | undefined> {
    const bytes = this.#generations.get(number);
    return bytes === undefined ? undefined : parseGeneration(bytes, `generation ${number} of ${this.name}`);
  }

  async createIfAbsent(generation: Generation): Promise<boolean> {
    const there = this.#generations.get(generation.number);
    if (there !== undefined) {
      return parseGeneration(there, `generation ${generation.number} of ${this.name}`).id === generation.id;
    }
    this.#generations.set(generation.number, encodeGeneration(generation));
    return true;
  }

  async open(sha256: Sha256): Promise<BlobReader | undefined> {
    const bytes = this.#find(sha256)?.get(sha256);
    return bytes === undefined ? undefined : readerOf(sha256, bytes);
  }

  async sizeOf(sha256: Sha256): Promise<number | undefined> {
    return this.#find(sha256)?.get(sha256)?.byteLength;
  }

  async liveBlobs(): Promise<ReadonlySet<Sha256>> {
    return new Set(this.#live.keys());
  }

  async retiredBlobs(): Promise<RetiredBlob[]> {
    return Array.from(this.#trash, ([atGeneration, blobs]) =>
      Array.from(blobs, ([sha256, bytes]) => ({ sha256, size: bytes.byteLength, atGeneration })),
    ).flat();
  }

  async retire(sha256: Sha256, atGeneration: number): Promise<void> {
    const bytes = this.#live.get(sha256);
    if (bytes === undefined) return;
    const blobs = this.#trash.get(atGeneration) ?? new Map<Sha256, Uint8Array>();
    this.#trash.set(atGeneration, blobs.set(sha256, bytes));
    this.#live.delete(sha256);
  }

  async restore(sha256: Sha256): Promise<boolean> {
    if (this.#live.has(sha256)) return true;
    const blobs = this.#find(sha256);
    const bytes = blobs?.get(sha256);
    if (blobs === undefined || bytes === undefined) return false;
    this.#live.set(sha256, bytes);
    blobs.delete(sha256);
    return true;
  }

  async deleteRetired(blob: RetiredBlob): Promise<void> {
    this.#trash.get(blob.atGeneration)?.delete(blob.sha256);
  }

  async quarantine(sha256: Sha256): Promise<string | undefined> {
    const blobs = this.#find(sha256);
    const bytes = blobs?.get(sha256);
    if (blobs === undefined || bytes === undefined) return undefined;
    this.#quarantined.set(sha256, bytes);
    blobs.delete(sha256);
    return `${this.name}: quarantine/${sha256}`;
  }

  async readNote(name: string): Promise<string | undefined> {
    return this.#notes.get(name);
  }

  async writeNote(name: string, text: string): Promise<void> {
    if (isNoteName(name)) this.#notes.set(name, text);
  }

  async writer(job: string, { adopts = false }: WriterOptions = {}): Promise<StoreWriter> {
    const staging: Staging = {
      job,
      blobs: new Map(),
      partials: new Map(),
      growing: new Map(),
      touchedMs: Date.now(),
    };
    const id = `${job}-${randomBytes(6).toString("hex")}`;
    if (adopts) this.#adopt(staging);
    this.#writers.set(id, staging);
    const writer = new MemoryWriter({ id, staging, live: this.#live }, () => {
      if (staging.partials.size === 0) this.#writers.delete(id);
    });
    await writer.look();
    return writer;
  }

  async joinWriter(id: string): Promise<StoreWriter | undefined> {
    const staging = this.#writers.get(id);
    if (staging === undefined) return undefined;
    const writer = new MemoryWriter({ id, staging, live: this.#live });
    await writer.look();
    return writer;
  }

  async openGrowing(location: string, size: number): Promise<BlobReader | undefined> {
    const [id = "", name = ""] = location.split("/");
    const file = this.#writers.get(id)?.growing.get(name);
    if (file === undefined) return undefined;
    return {
      sha256: name.slice(0, 64),
      size,
      read: async (buffer, position) => {
        const part = Buffer.concat(file.chunks).subarray(position, position + buffer.byteLength);
        buffer.set(part);
        return part.byteLength;
      },
      close: async () => undefined,
    };
  }

  #adopt(staging: Staging): void {
    for (const [id, other] of this.#writers) {
      if (other.job !== staging.job) continue;
      for (const [sha256, bytes] of other.blobs) staging.blobs.set(sha256, bytes);
      for (const [sha256, bytes] of other.partials) {
        if (bytes.byteLength > (staging.partials.get(sha256)?.byteLength ?? 0))
          staging.partials.set(sha256, bytes);
      }
      other.blobs.clear();
      other.partials.clear();
      this.#writers.delete(id);
    }
  }

  async removeAbandoned(olderThanMs: number): Promise<{ writers: number; bytes: number }> {
    let writers = 0;
    let bytes = 0;
    for (const [name, staging] of this.#writers) {
      if (staging.touchedMs >= Date.now() - olderThanMs) continue;
      for (const blobs of [staging.blobs, staging.partials]) {
        for (const blob of blobs.values()) bytes += blob.byteLength;
        blobs.clear();
      }
      this.#writers.delete(name);
      writers += 1;
    }
    return { writers, bytes };
  }

  async forgetStaged(sha256: Sha256): Promise<number> {
    return Array.from(this.#writers.values(), (staging) => staging.blobs.delete(sha256)).filter(Boolean)
      .length;
  }

  /** Where the blob is: live, else what was put aside last. */
  #find(sha256: Sha256): Map<Sha256, Uint8Array> | undefined {
    if (this.#live.has(sha256)) return this.#live;
    const latestFirst = Array.from(this.#trash).sort(([a], [b]) => b - a);
    return latestFirst.find(([, blobs]) => blobs.has(sha256))?.[1];
  }
}

interface Staging {
  readonly job: string;
  readonly blobs: Map<Sha256, Uint8Array>;
  /** Unfinished and left for later. */
  readonly partials: Map<Sha256, Uint8Array>;
  readonly growing: Map<string, { readonly chunks: Uint8Array[] }>;
  touchedMs: number;
}

interface Area {
  readonly id: string;
  readonly staging: Staging;
  readonly live: Map<Sha256, Uint8Array>;
}

class MemoryWriter implements StoreWriter {
  readonly id: string;
  readonly #staging: Staging;
  readonly #live: Map<Sha256, Uint8Array>;
  /** Undefined for a second handle. */
  readonly #forget: (() => void) | undefined;
  readonly #staged = new Set<Sha256>();

  constructor({ id, staging, live }: Area, forget?: () => void) {
    this.id = id;
    this.#staging = staging;
    this.#live = live;
    this.#forget = forget;
  }

  async create(expected?: Sha256): Promise<BlobSink> {
    const chunks: Uint8Array[] = [];
    const name = `${expected ?? ""}.${randomBytes(6).toString("hex")}`;
    const staging = this.#staging;
    staging.growing.set(name, { chunks });
    let size = 0;
    return {
      location: `${this.id}/${name}`,
      write: async (bytes) => {
        chunks.push(new Uint8Array(bytes));
        size += bytes.byteLength;
        staging.touchedMs = Date.now();
      },
      commit: async (wanted) => {
        if (wanted.size !== size || !/^[0-9a-f]{64}$/.test(wanted.sha256)) throw wrongSize(wanted, size);
        staging.blobs.set(wanted.sha256, Buffer.concat(chunks));
        staging.partials.delete(wanted.sha256);
        this.#staged.add(wanted.sha256);
      },
      cancel: async () => {
        chunks.length = 0;
        staging.growing.delete(name);
        if (expected !== undefined) staging.partials.delete(expected);
      },
      leave: async () => {
        staging.growing.delete(name);
        if (expected === undefined || size <= (staging.partials.get(expected)?.byteLength ?? 0)) return;
        staging.partials.set(expected, Buffer.concat(chunks));
      },
    };
  }

  async partial(sha256: Sha256): Promise<BlobReader | undefined> {
    const bytes = this.#staging.partials.get(sha256);
    return bytes === undefined ? undefined : readerOf(sha256, bytes);
  }

  async look(): Promise<void> {
    for (const sha256 of this.#staging.blobs.keys()) this.#staged.add(sha256);
  }

  async put(bytes: Uint8Array): Promise<{ sha256: Sha256; size: number }> {
    const staged = { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.byteLength };
    const sink = await this.create();
    await sink.write(bytes);
    await sink.commit(staged);
    return staged;
  }

  async open(sha256: Sha256): Promise<BlobReader> {
    return readerOf(sha256, this.#bytes(sha256));
  }

  async place(blobs: Iterable<Sha256>): Promise<void> {
    for (const [sha256, bytes] of Array.from(blobs, (sha256) => [sha256, this.#bytes(sha256)] as const)) {
      this.#live.set(sha256, bytes);
    }
  }

  has(sha256: Sha256): boolean {
    return this.#staged.has(sha256);
  }

  async close(): Promise<void> {
    this.#staged.clear();
    if (this.#forget === undefined) return;
    this.#staging.blobs.clear();
    this.#forget();
  }

  #bytes(sha256: Sha256): Uint8Array {
    const bytes = this.#staging.blobs.get(sha256);
    if (bytes !== undefined) return bytes;
    throw new HeadwaterError(
      "BLOB_MISSING",
      `Blob ${sha256} is not among the files that this command brought.`,
      {
        details: { sha256 },
      },
    );
  }
}

function readerOf(sha256: Sha256, bytes: Uint8Array): BlobReader {
  return {
    sha256,
    size: bytes.byteLength,
    read: async (buffer, position) => {
      const part = bytes.subarray(position, position + buffer.byteLength);
      buffer.set(part);
      return part.byteLength;
    },
    close: async () => undefined,
  };
}

function wrongSize(expected: { sha256: Sha256; size: number }, found: number): HeadwaterError {
  return new HeadwaterError(
    "BLOB_MISMATCH",
    `Blob ${expected.sha256} has the wrong size: expected ${expected.size} bytes, got ${found}.`,
    { details: { sha256: expected.sha256, expected: expected.size, found } },
  );
}

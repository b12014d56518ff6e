import { createHash, type Hash } from "node:crypto";
import { Worker } from "node:worker_threads";

/** A name of the caller's choosing and the metadata tarball whose bytes come before those of the root. */
export interface CombinedWith {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * Computes, for bytes that arrive piece by piece in shared buffers, one SHA-256 per metadata tarball: the tarball first, the bytes
 * after it. That is the fingerprint of a split image.
 */
export interface CombinedHashes {
  /** Takes the first `length` bytes of buffer number `slot`; the buffer is free again once this resolves. */
  update(slot: number, length: number): Promise<void>;
  /** By name, once all updates have resolved. */
  digests(): Promise<Map<string, string>>;
  close(): Promise<void>;
}

/** In this thread: the right way for what is small, or when there is nothing to compute. */
export function combinedHashesHere(
  prefixes: readonly CombinedWith[],
  buffers: readonly SharedArrayBuffer[],
): CombinedHashes {
  const hashes = new Map<string, Hash>(
    prefixes.map(({ name, bytes }) => [name, createHash("sha256").update(bytes)]),
  );
  return {
    update: async (slot, length) => {
      const bytes = new Uint8Array(buffers[slot] ?? new SharedArrayBuffer(0), 0, length);
      for (const hash of hashes.values()) hash.update(bytes);
    },
    digests: async () => new Map([...hashes].map(([name, hash]) => [name, hash.digest("hex")])),
    close: async () => undefined,
  };
}

/**
 * The body of the worker. It is text because Node 20 loads no TypeScript in a worker, and a compiled file would have another
 * name than its source: this way tests and the installed program run the very same thing. Messages: the number of a
 * buffer and how many of its bytes count, answered by the number; an empty message is answered by the sums.
 */
const WORKER = `
  import { createHash } from "node:crypto";
  import { parentPort, workerData } from "node:worker_threads";
  const buffers = workerData.buffers.map((buffer) => new Uint8Array(buffer));
  const hashes = workerData.prefixes.map((prefix) => createHash("sha256").update(prefix));
  parentPort.on("message", (piece) => {
    if (piece === undefined) {
      parentPort.postMessage(hashes.map((hash) => hash.digest("hex")));
      return;
    }
    const bytes = buffers[piece.slot].subarray(0, piece.length);
    for (const hash of hashes) hash.update(bytes);
    parentPort.postMessage(piece.slot);
  });
`;

/** In a thread of its own, so that on two cores it costs no time beside the SHA-256 of the bytes alone. */
export function combinedHashesInWorker(
  prefixes: readonly CombinedWith[],
  buffers: readonly SharedArrayBuffer[],
): CombinedHashes {
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(WORKER)}`), {
    workerData: { buffers, prefixes: prefixes.map(({ bytes }) => bytes) },
  });
  // Answers come in the order of the questions.
  const waiting: { resolve: (answer: unknown) => void; reject: (cause: unknown) => void }[] = [];
  worker.on("message", (answer: unknown) => waiting.shift()?.resolve(answer));
  worker.on("error", (cause) => {
    for (const { reject } of waiting.splice(0)) reject(cause);
  });
  const ask = async (question: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      worker.postMessage(question, []);
    });
  return {
    update: async (slot, length) => {
      await ask({ slot, length });
    },
    digests: async () => {
      const sums = (await ask(undefined)) as readonly string[];
      return new Map(prefixes.map(({ name }, index) => [name, sums[index] ?? ""]));
    },
    close: async () => {
      await worker.terminate();
    },
  };
}

/** Anything of known size that can be read from any place, such as a staged blob. */
export interface Readable {
  /** Bytes. */
  readonly size: number;
  /** Fills `buffer` from `position`; resolves with the number of bytes read, 0 only at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
}

/** The fingerprint of a split image whose root or disk is already staged: SHA-256 of metadata, then of those bytes. */
export async function combinedHash(
  metadata: Uint8Array,
  rest: Readable,
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash("sha256").update(metadata);
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  for (let position = 0; position < rest.size; ) {
    signal?.throwIfAborted();
    const length = await rest.read(buffer, position);
    if (length === 0) break;
    hash.update(buffer.subarray(0, length));
    position += length;
  }
  return hash.digest("hex");
}

import type { Readable } from "node:stream";
import { HeadwaterError } from "../../error.ts";
import type { BlobReader, Sha256, Store, StoreWriter } from "../../store/store.ts";
import type { ItemAnswer, Upstream, Validators } from "../../upstream/upstream.ts";
import { unreachable } from "../../upstream/failures.ts";
import { isPassing, pause } from "../../upstream/with-retry.ts";
import { Assembly } from "./assembly.ts";
import type { TransferEvents, TransferJob, TransferResult } from "./transfer.ts";

export interface TransferParts {
  readonly store: Store;
  readonly writer: StoreWriter;
  readonly upstream: Upstream;
  readonly job: TransferJob;
  readonly events?: TransferEvents | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For tests. */
  readonly wait?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
}

/** Connections that may break one after the other without a single new byte. */
const FRUITLESS_TRIES = 5;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;
/** Metadata of an image is a few kilobytes; it is held in memory to be hashed before its root. */
const MAX_METADATA = 16 * 1024 * 1024;

/**
 * Brings one item into the writer's area, whatever happens on the way: continues what an earlier try left, goes on after a broken
 * connection where it broke, and keeps nothing whose size or SHA-256 is wrong.
 * Throws UPSTREAM_UNREACHABLE or UPSTREAM_REFUSED after all tries and when aborted (what is there stays for later), UPSTREAM_WRONG and STORE_FULL
 * (nothing stays).
 */
export async function transferItem(parts: TransferParts): Promise<TransferResult> {
  const { writer, job } = parts;
  const earlier = await writer.partial(job.sha256);
  if (earlier === undefined || job.mayRestart !== true) return transferOnce(parts, earlier);
  try {
    return await transferOnce(parts, earlier);
  } catch (error) {
    if (!(error instanceof HeadwaterError && error.code === "UPSTREAM_WRONG")) throw error;
    // What an earlier try left was wrong, or of another content; it is thrown away by now.
    return transferOnce(parts, undefined);
  }
}

async function transferOnce(parts: TransferParts, earlier: BlobReader | undefined): Promise<TransferResult> {
  const { job, writer, events = {} } = parts;
  const metadata = await readMetadata(parts);
  const sink = await writer.create(job.sha256);
  const assembly = new Assembly({ job, sink, events }, metadata);
  try {
    const reused = await continueFrom(earlier, assembly);
    const fetched = await download(parts, assembly, () => events.onBegin?.(sink.location));
    const { sha256, fingerprints } = await assembly.sums();
    if (sha256 !== job.sha256) throw wrongHash(job, sha256);
    events.onVerified?.();
    await sink.commit(job);
    return { fetched, reused, fingerprints };
  } catch (error) {
    const isWrong =
      error instanceof HeadwaterError && (error.code === "UPSTREAM_WRONG" || error.code === "STORE_FULL");
    await assembly.settle().catch(() => undefined);
    await (isWrong ? sink.cancel() : sink.leave());
    throw error;
  }
}

async function continueFrom(earlier: BlobReader | undefined, assembly: Assembly): Promise<number> {
  try {
    if (earlier !== undefined) await assembly.continue(earlier);
    return assembly.position;
  } finally {
    await earlier?.close();
  }
}

/** Asks until all bytes are there. Returns how many came over the network. */
async function download(parts: TransferParts, assembly: Assembly, onBegin: () => void): Promise<number> {
  const { job, upstream, signal, wait = pause } = parts;
  let fetched = 0;
  let fruitless = 0;
  let validators: Validators | undefined;
  let hasBegun = false;
  const begin = (): void => {
    if (!hasBegun) onBegin();
    hasBegun = true;
  };
  while (assembly.position < job.size || job.size === 0) {
    const before = assembly.position;
    try {
      const answer = await upstream.item(job.path, itemOptions(before, validators, signal));
      checkSize(job, answer);
      validators = answer.validators;
      begin();
      // An upstream that sends the whole file again: what is here already passes by.
      fetched += await pump(answer.body, assembly, {
        skip: before - answer.from,
        place: `${upstream.url}/${job.path}`,
        signal,
      });
      if (assembly.position === job.size) break;
      throw unreachable(
        `${upstream.url}/${job.path}`,
        Object.assign(new Error("short"), { code: "ECONNRESET" }),
      );
    } catch (error) {
      fruitless = assembly.position > before ? 0 : fruitless + 1;
      // An upstream that cannot be reached has been asked several times already (with-retry.ts); whoever waits is told soon.
      if (!hasBegun || signal?.aborted === true || !isPassing(error) || fruitless >= FRUITLESS_TRIES)
        throw error;
      await wait(Math.min(FIRST_WAIT_MS * 2 ** fruitless * (0.5 + Math.random()), LONGEST_WAIT_MS), signal);
    }
  }
  begin();
  return fetched;
}

function itemOptions(
  from: number,
  validators: Validators | undefined,
  signal: AbortSignal | undefined,
): object {
  return {
    from,
    ...(validators === undefined ? {} : { validators }),
    ...(signal === undefined ? {} : { signal }),
  };
}

function checkSize({ path, size }: TransferJob, answer: ItemAnswer): void {
  if (answer.size === undefined || answer.size === size) return;
  answer.body.on("error", () => undefined);
  answer.body.destroy();
  throw new HeadwaterError(
    "UPSTREAM_WRONG",
    `${path}: expected ${size} bytes, as the upstream lists it, and it has ${answer.size}.`,
    { hint: "The upstream is being changed, or its list is wrong; the next sync tries again." },
  );
}

interface PumpOptions {
  /** Bytes at the beginning that are here already. */
  readonly skip: number;
  readonly place: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * The hot loop. Events instead of `for await` and pipes: for pieces of 16 KiB these cost more than hashing and writing do.
 * Resolves at the end of the body with its bytes; rejects when it breaks off.
 */
function pump(body: Readable, assembly: Assembly, { skip, place, signal }: PumpOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    let fetched = 0;
    const stop = (error: unknown): void => {
      signal?.removeEventListener("abort", onAbort);
      body.removeAllListeners("data");
      body.on("error", () => undefined);
      body.destroy();
      reject(error instanceof HeadwaterError || signal?.aborted === true ? error : unreachable(place, error));
    };
    const onAbort = (): void => stop(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    body.on("data", (piece: Buffer) => {
      const passed = Math.min(Math.max(skip - fetched, 0), piece.byteLength);
      fetched += piece.byteLength;
      try {
        if (assembly.take(passed === 0 ? piece : piece.subarray(passed))) return;
        body.pause();
        assembly.room().then(() => body.resume(), stop);
      } catch (error) {
        stop(error);
      }
    });
    body.once("error", stop);
    body.once("aborted", () => stop(Object.assign(new Error("cut"), { code: "ECONNRESET" })));
    body.once("end", () => {
      signal?.removeEventListener("abort", onAbort);
      resolve(fetched);
    });
    if (signal?.aborted === true) onAbort();
  });
}

async function readMetadata({ job, store, writer }: TransferParts): Promise<Map<Sha256, Uint8Array>> {
  const metadata = new Map<Sha256, Uint8Array>();
  for (const sha256 of job.metadata ?? []) {
    const reader = writer.has(sha256) ? await writer.open(sha256) : await store.open(sha256);
    if (reader === undefined) continue;
    try {
      if (reader.size > MAX_METADATA) continue;
      const bytes = Buffer.alloc(reader.size);
      for (let at = 0; at < bytes.byteLength; ) {
        const count = await reader.read(bytes.subarray(at), at);
        if (count === 0) break;
        at += count;
      }
      metadata.set(sha256, bytes);
    } finally {
      await reader.close();
    }
  }
  return metadata;
}

function wrongHash({ path, sha256 }: TransferJob, found: Sha256): HeadwaterError {
  return new HeadwaterError("UPSTREAM_WRONG", `${path}: expected the SHA-256 ${sha256}, got ${found}.`, {
    hint: "The upstream is being changed, or something between changes files; the next sync tries again.",
    details: { path, expected: sha256, found },
  });
}

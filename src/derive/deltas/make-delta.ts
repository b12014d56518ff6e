import { createHash } from "node:crypto";
import { once } from "node:events";
import type { ByteSink } from "../../image/hash-once.ts";
import { printable } from "../../simplestreams/printable.ts";
import type { BlobFiles, OpenFile } from "../../store/blob-files.ts";
import type { DeltaPair } from "./delta-pairs.ts";
import type { Running, Xdelta3 } from "./xdelta3.ts";

export interface MakeOptions {
  readonly files: BlobFiles;
  readonly xdelta3: Xdelta3;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the new root that have been made from the delta again. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** What came of making a delta. `not worth it`: it was given up at `size` bytes. */
export type Made =
  | { readonly kind: "made"; readonly sha256: string; readonly size: number }
  | { readonly kind: "not worth it"; readonly size: number }
  | { readonly kind: "failed"; readonly reason: string };

/** Part of the full size that a delta must stay below: clients never compare, and take a delta whatever its size. */
const WORTH = 0.5;

/**
 * Writes the delta of a pair into `sink`. While it comes it is decoded again, as a client would, and it is made only when that gives
 * exactly the new root: clients do not go back to the whole file. Throws what the sink throws, and the reason of `signal`.
 */
export async function makeDelta(pair: DeltaPair, sink: ByteSink, options: MakeOptions): Promise<Made> {
  const { files, signal } = options;
  const opened: OpenFile[] = [];
  try {
    // The base once for each of the two programs: where descriptors share one position they would read past each other.
    for (const { sha256 } of [pair.root, pair.baseRoot, pair.baseRoot]) {
      const file = await files.openFile(sha256);
      if (file === undefined) return { kind: "failed", reason: `blob ${sha256} is not here` };
      opened.push(file);
    }
    signal?.throwIfAborted();
    return await encodeAndDecode(pair, start(pair, opened, options.xdelta3), sink, options);
  } finally {
    for (const file of opened) await file.close();
  }
}

interface Programs {
  readonly encoder: Running;
  readonly decoder: Running;
}

/** Both or none. */
function start(pair: DeltaPair, [root, base, again]: readonly OpenFile[], xdelta3: Xdelta3): Programs {
  if (root === undefined || base === undefined || again === undefined)
    throw new Error("three files were to be opened");
  const encoder = xdelta3.encode(base, pair.baseRoot.size, root);
  try {
    return { encoder, decoder: xdelta3.decode(again) };
  } catch (error) {
    encoder.kill();
    // What nobody reads keeps its pipe open.
    encoder.stdout.resume();
    throw error;
  }
}

async function encodeAndDecode(
  pair: DeltaPair,
  { encoder, decoder }: Programs,
  sink: ByteSink,
  { signal, onProgress }: MakeOptions,
): Promise<Made> {
  const kill = (): void => {
    encoder.kill();
    decoder.kill();
  };
  signal?.addEventListener("abort", kill);
  const decoded = sumOf(decoder, pair.root.size, onProgress);
  decoded.catch(() => undefined);
  try {
    const delta = await passOn(encoder.stdout as AsyncIterable<Buffer>, {
      sink,
      decoder,
      below: pair.root.size * WORTH,
    });
    if (delta.sha256 === undefined) return { kind: "not worth it", size: delta.size };
    const complaint = (await encoder.complaint) ?? (await decoder.complaint);
    const found = await decoded;
    signal?.throwIfAborted();
    if (complaint !== undefined) return { kind: "failed", reason: `xdelta3: ${printable(complaint)}` };
    if (found !== pair.root.sha256) {
      return { kind: "failed", reason: `decoding the delta gave other bytes than the root: ${found}` };
    }
    return { kind: "made", sha256: delta.sha256, size: delta.size };
  } finally {
    kill();
    signal?.removeEventListener("abort", kill);
    await Promise.all([encoder.complaint, decoder.complaint]);
  }
}

/** Every piece to the sink and to the decoder. Without a sum when it becomes too large: then the rest is not looked at. */
async function passOn(
  source: AsyncIterable<Buffer>,
  { sink, decoder, below }: { readonly sink: ByteSink; readonly decoder: Running; readonly below: number },
): Promise<{ readonly sha256: string | undefined; readonly size: number }> {
  const sum = createHash("sha256");
  let size = 0;
  for await (const piece of source) {
    size += piece.length;
    if (size >= below) return { sha256: undefined, size };
    sum.update(piece);
    await Promise.all([sink.write(piece), feed(decoder, piece)]);
  }
  decoder.stdin?.end();
  return { sha256: sum.digest("hex"), size };
}

/** Resolves when the decoder can take more, also when it has ended: its status tells. */
async function feed({ stdin, complaint }: Running, piece: Buffer): Promise<void> {
  if (stdin === null || stdin.destroyed || stdin.write(piece)) return;
  const drained = once(stdin, "drain").catch(() => undefined);
  await Promise.race([drained, complaint]);
}

/** Of all that it prints, as long as that is no more than `size`. */
async function sumOf(
  decoder: Running,
  size: number,
  onProgress: ((done: number) => void) | undefined,
): Promise<string> {
  const sum = createHash("sha256");
  let done = 0;
  for await (const piece of decoder.stdout as AsyncIterable<Buffer>) {
    sum.update(piece);
    done += piece.length;
    if (done > size) decoder.kill();
    onProgress?.(done);
  }
  return sum.digest("hex");
}

import type { Transform } from "node:stream";
import { setImmediate } from "node:timers/promises";
import * as zlib from "node:zlib";
import { Decompress } from "fzstd";
import type { HeadwaterError } from "../../error.ts";
import { damaged } from "./damage.ts";
import { throughTransform } from "./through-transform.ts";

/** Largest window that is decoded, in bytes: what `zstd -d` itself accepts without being told otherwise. */
export const ZSTD_WINDOW_LIMIT = 128 * 1024 * 1024;
const WINDOW_LOG_LIMIT = 27;

/** Node 22.15 and later have the decoder built in; the types here are those of Node 20. */
interface WithZstd {
  readonly createZstdDecompress?: (options: { params: Record<number, number> }) => Transform;
  readonly constants: { readonly ZSTD_d_windowLogMax?: number };
}

/** Decodes zstd, also of several frames. The caller has checked the windows with `walkZstdFrames`. */
export async function* unzstd(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const { createZstdDecompress, constants } = zlib as unknown as WithZstd;
  if (createZstdDecompress === undefined || constants.ZSTD_d_windowLogMax === undefined) {
    yield* withFzstd(source, name);
    return;
  }
  const params = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_LIMIT };
  yield* throughTransform(source, createZstdDecompress({ params }), (cause) => explain(name, cause));
}

/** fzstd is plain JavaScript and answers synchronously: it gets small pieces, and the event loop its turn after each. */
async function* withFzstd(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = [];
  // The decoder writes into its block again later; what is handed on has to be a copy.
  const decoder = new Decompress((chunk) => ready.push(chunk.slice()));
  const push = (bytes: Uint8Array, final: boolean): Uint8Array[] => {
    try {
      decoder.push(bytes, final);
    } catch (cause) {
      throw explain(name, cause);
    }
    return ready.splice(0);
  };
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += PIECE) {
      yield* push(chunk.subarray(start, start + PIECE), false);
      await setImmediate();
    }
  }
  yield* push(new Uint8Array(0), true);
}

const PIECE = 64 * 1024;

function explain(name: string, cause: unknown): HeadwaterError {
  return damaged(name, "zstd", "the zstd data does not end as it should, or is not valid", cause);
}

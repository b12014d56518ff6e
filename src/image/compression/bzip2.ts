import { setImmediate } from "node:timers/promises";
import unbzip2 from "unbzip2-stream";
import type { HeadwaterError } from "../../error.ts";
import { damaged } from "./damage.ts";

/**
 * Decodes bzip2, also of several streams one after another, and checks its sums. The decoder is plain JavaScript and
 * answers synchronously, so it is fed in small pieces and the event loop gets its turn after each.
 */
export async function* bunzip2(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const decoder = unbzip2();
  const ready: Uint8Array[] = [];
  let failure: unknown;
  decoder.on("data", (chunk) => ready.push(chunk));
  decoder.on("error", (cause) => {
    failure ??= cause;
  });
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += PIECE) {
      decoder.write(Buffer.from(chunk.subarray(start, start + PIECE)));
      if (failure !== undefined) throw explain(name, failure);
      yield* ready.splice(0);
      await setImmediate();
    }
  }
  decoder.end();
  if (failure !== undefined) throw explain(name, failure);
  yield* ready.splice(0);
}

const PIECE = 32 * 1024;

function explain(name: string, cause: unknown): HeadwaterError {
  return damaged(name, "bzip2", "the bzip2 data does not end as it should, or fails its check", cause);
}

import { setImmediate } from "node:timers/promises";
import unbzip2 from "unbzip2-stream";
import type { HeadwaterError } from "../../error.ts";
import { damaged } from "./damage.ts";
import { startFilter } from "./filter-program.ts";

/**
 * Decodes bzip2, also of several streams one after another, and checks its sums. The `bzip2` program is several times faster
 * and leaves this process free; where it is not installed, JavaScript does the same.
 */
export async function* bunzip2(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const program = await startFilter("bzip2", ["-dc"]);
  if (program === undefined) yield* bunzip2Here(source, name);
  else yield* program(source, (said) => explain(name, said));
}

/** The decoder answers synchronously, so it gets small pieces, and the event loop its turn after each. */
export async function* bunzip2Here(
  source: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
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

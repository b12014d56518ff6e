import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { HeadwaterError } from "../../error.ts";

/**
 * Runs bytes through a Node transform as an async generator. What the source throws comes out as it is; what the transform
 * throws goes through `explain` first. Leaving the loop early stops source and transform.
 */
export async function* throughTransform(
  source: AsyncIterable<Uint8Array>,
  transform: Transform,
  explain: (cause: unknown) => HeadwaterError,
): AsyncGenerator<Uint8Array> {
  const watched = watch(source);
  // The loop below meets the same failure; this promise is only awaited so that nothing is left running.
  const feeding = pipeline(watched.bytes, transform).catch(() => undefined);
  try {
    for await (const chunk of transform as AsyncIterable<Uint8Array>) yield chunk;
  } catch (cause) {
    throw watched.failure() ?? explain(cause);
  } finally {
    transform.destroy();
    await feeding;
  }
}

/** Remembers whether it was the source that failed. */
function watch(source: AsyncIterable<Uint8Array>): {
  bytes: AsyncGenerator<Uint8Array>;
  failure: () => unknown;
} {
  let failure: unknown;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  return { bytes: bytes(), failure: () => failure };
}

import type { Transform } from "node:stream";
import type { HeadwaterError } from "../../error.ts";
import { feed } from "../feed.ts";

/**
 * Runs bytes through a transform as an async generator. What the source throws comes out as it is; what the transform
 * throws goes through `explain` first. Leaving the loop early stops source and transform.
 */
export async function* throughTransform(
  source: AsyncIterable<Uint8Array>,
  transform: Transform,
  explain: (cause: unknown) => HeadwaterError,
): AsyncGenerator<Uint8Array> {
  const feeding = feed(source, transform);
  try {
    for await (const chunk of transform as AsyncIterable<Uint8Array>) yield chunk;
  } catch (cause) {
    throw feeding.failure() ?? explain(cause);
  } finally {
    transform.destroy();
    await feeding.settled;
  }
}

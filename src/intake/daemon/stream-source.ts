import type { Readable } from "node:stream";
import type { PieceSource } from "../../image/hash-once.ts";
import { wrong } from "./failures.ts";

/**
 * Bytes of a stream, in pieces of the size that is asked for.
 * @param size bytes that were promised; more is DAEMON_WRONG, so that a stream without an end fills no disk. 0: not known
 */
export function streamSource(name: string, size: number, stream: Readable): PieceSource {
  const chunks = (stream as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  let total = 0;
  return {
    name,
    size,
    isBusy: true,
    fill: async (buffer) => {
      let filled = 0;
      while (filled < buffer.byteLength) {
        if (rest.byteLength === 0) {
          const next = await chunks.next();
          if (next.done === true) break;
          rest = next.value;
        }
        const part = rest.subarray(0, buffer.byteLength - filled);
        buffer.set(part, filled);
        filled += part.byteLength;
        rest = rest.subarray(part.byteLength);
      }
      total += filled;
      if (size > 0 && total > size)
        throw wrong(name, `more has come than the ${size} bytes that were promised`);
      return filled;
    },
  };
}

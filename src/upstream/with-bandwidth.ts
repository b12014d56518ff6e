import { Readable } from "node:stream";
import type { Upstream } from "./upstream.ts";
import { pause } from "./with-retry.ts";

/** How much may come at once after a silence, in seconds of the limit. */
const BURST_SECONDS = 0.25;

/** All items of an upstream together come no faster than `bytesPerSecond`. Documents are small and do not count. */
export function withBandwidth(
  upstream: Upstream,
  bytesPerSecond: number,
  clock: { readonly now: () => number; readonly wait: (ms: number) => Promise<void> } = {
    now: () => performance.now(),
    wait: pause,
  },
): Upstream {
  /** When everything that was let through so far would have come at exactly the limit. */
  let paidUntil = clock.now();
  const take = async (bytes: number): Promise<void> => {
    const now = clock.now();
    paidUntil = Math.max(paidUntil, now - BURST_SECONDS * 1000) + (bytes / bytesPerSecond) * 1000;
    if (paidUntil > now) await clock.wait(paidUntil - now);
  };
  return {
    url: upstream.url,
    document: (path, options) => upstream.document(path, options),
    item: async (path, options) => {
      const answer = await upstream.item(path, options);
      const gated = async function* (): AsyncGenerator<Buffer> {
        for await (const piece of answer.body as AsyncIterable<Buffer>) {
          await take(piece.byteLength);
          yield piece;
        }
      };
      const body = Readable.from(gated(), { objectMode: false });
      // Also when it was never read, and so `gated` never began.
      body.once("close", () => answer.body.destroy());
      answer.body.on("error", () => undefined);
      return { ...answer, body };
    },
    close: () => upstream.close(),
  };
}

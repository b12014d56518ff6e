import { HeadwaterError } from "../error.ts";
import type { DocumentAnswer, ItemAnswer, Upstream } from "./upstream.ts";

export interface RetryOptions {
  readonly tries?: number;
  readonly wait?: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly random?: () => number;
}

const TRIES = 3;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** Asks again when the answer may be another one in a moment: after a broken connection, 429 and 5xx; later each time, with jitter. */
export function withRetry(upstream: Upstream, options: RetryOptions = {}): Upstream {
  return {
    url: upstream.url,
    document: (path, ask = {}): Promise<DocumentAnswer> =>
      retrying(() => upstream.document(path, ask), options, ask.signal),
    item: (path, ask = {}): Promise<ItemAnswer> =>
      retrying(() => upstream.item(path, ask), options, ask.signal),
    close: () => upstream.close(),
  };
}

async function retrying<T>(
  work: () => Promise<T>,
  { tries = TRIES, wait = pause, random = Math.random }: RetryOptions,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= tries || signal?.aborted === true || !isPassing(error)) throw error;
      const asked = error.details["retryAfterMs"];
      const own = FIRST_WAIT_MS * 4 ** (attempt - 1) * (0.5 + random());
      await wait(Math.min(Math.max(own, typeof asked === "number" ? asked : 0), LONGEST_WAIT_MS), signal);
    }
  }
}

/** Whether the same question may get another answer soon. */
export function isPassing(error: unknown): error is HeadwaterError {
  if (!(error instanceof HeadwaterError)) return false;
  if (error.code === "UPSTREAM_UNREACHABLE") return true;
  const status = error.details["status"];
  return error.code === "UPSTREAM_REFUSED" && typeof status === "number" && (status === 429 || status >= 500);
}

/** Resolves after a while; rejects at once when told to stop. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason instanceof Error ? signal.reason : new Error("stopped"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

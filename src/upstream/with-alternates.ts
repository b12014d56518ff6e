import type { Upstream, Validators } from "./upstream.ts";
import { isPassing } from "./with-retry.ts";

/** How long another address than the first is asked first after it helped out, in milliseconds. */
const STAYS_MS = 10 * 60_000;

/**
 * Several addresses of the same content: the next one is asked when one cannot be reached or has trouble, and stays the first choice for a
 * while. What one server said about a file is told to another only as a strong ETag: dates differ between mirrors, and an
 * older one would call its own state unchanged.
 */
export function withAlternates(
  addresses: readonly [Upstream, ...Upstream[]],
  now: () => number = () => performance.now(),
): Upstream {
  const [first] = addresses;
  if (addresses.length === 1) return first;
  let preferred = { index: 0, since: 0 };
  const inTurn = async <T>(ask: (upstream: Upstream) => Promise<T>): Promise<T> => {
    const start = now() - preferred.since < STAYS_MS ? preferred.index : 0;
    for (let tried = 0; ; tried++) {
      const index = (start + tried) % addresses.length;
      try {
        const answer = await ask(addresses[index] ?? first);
        if (tried > 0) preferred = { index, since: now() };
        return answer;
      } catch (error) {
        if (tried + 1 >= addresses.length || !isPassing(error)) throw error;
      }
    }
  };
  return {
    url: first.url,
    document: (path, { known, ...options } = {}) =>
      inTurn((upstream) => upstream.document(path, { ...options, ...told("known", known) })),
    item: (path, { validators, ...options } = {}) =>
      inTurn((upstream) => upstream.item(path, { ...options, ...told("validators", validators) })),
    close: async () => {
      await Promise.all(addresses.map((upstream) => upstream.close()));
    },
  };
}

function told<Key extends string>(
  key: Key,
  validators: Validators | undefined,
): Partial<Record<Key, Validators>> {
  const etag = validators?.etag;
  if (etag === undefined || etag.startsWith("W/")) return {};
  return { [key]: { etag } } as Record<Key, Validators>;
}

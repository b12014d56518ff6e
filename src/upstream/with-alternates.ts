import type { DocumentOptions, ItemOptions, Upstream } from "./upstream.ts";
import { isPassing } from "./with-retry.ts";

/**
 * Several addresses of the same content: the next one is asked when one cannot be reached or has trouble, and stays the first choice until
 * it fails itself. What one server said about a file (ETag, date) is not held against another: the hash decides there.
 */
export function withAlternates(addresses: readonly [Upstream, ...Upstream[]]): Upstream {
  const [first] = addresses;
  if (addresses.length === 1) return first;
  let preferred = 0;
  const inTurn = async <T>(ask: (upstream: Upstream, isSame: boolean) => Promise<T>): Promise<T> => {
    const start = preferred;
    for (let tried = 0; ; tried++) {
      const index = (start + tried) % addresses.length;
      const upstream = addresses[index] ?? first;
      try {
        const answer = await ask(upstream, index === start);
        preferred = index;
        return answer;
      } catch (error) {
        if (tried + 1 >= addresses.length || !isPassing(error)) throw error;
      }
    }
  };
  return {
    url: first.url,
    document: (path, options: DocumentOptions = {}) =>
      inTurn((upstream, isSame) => upstream.document(path, isSame ? options : without(options, "known"))),
    item: (path, options: ItemOptions = {}) =>
      inTurn((upstream, isSame) => upstream.item(path, isSame ? options : without(options, "validators"))),
    close: async () => {
      await Promise.all(addresses.map((upstream) => upstream.close()));
    },
  };
}

function without<Options extends object>(options: Options, key: keyof Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => name !== key)) as Options;
}

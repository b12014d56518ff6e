import { availableParallelism } from "node:os";
import { version } from "./cli/version.ts";
import { directTransfers } from "./intake/transfer/direct.ts";
import { pooledTransfers } from "./intake/transfer/pool.ts";
import type { Transfers } from "./intake/transfer/transfer.ts";
import type { Store, StoreWriter } from "./store/store.ts";
import { openHttpUpstream } from "./upstream/http/http-upstream.ts";
import type { Upstream } from "./upstream/upstream.ts";
import type { UpstreamOptions } from "./upstream/upstream-options.ts";
import { withAlternates } from "./upstream/with-alternates.ts";
import { withBandwidth } from "./upstream/with-bandwidth.ts";
import { withRetry } from "./upstream/with-retry.ts";

/** An upstream with all its addresses: asked again when it has trouble, and no faster than it may be. */
export function openUpstream(options: UpstreamOptions): Upstream {
  const open = (url: string): Upstream => openHttpUpstream({ ...options, url }, `Headwater/${version()}`);
  const upstream = withRetry(withAlternates([open(options.url), ...(options.alternates ?? []).map(open)]));
  return options.bandwidth === undefined ? upstream : withBandwidth(upstream, options.bandwidth);
}

export interface TransfersOptions {
  readonly store: Store;
  readonly writer: StoreWriter;
  readonly upstream: UpstreamOptions;
  /** Downloads at once that will be asked for. */
  readonly parallel: number;
  /** Bytes of the file, when it is one: for little a thread is not worth starting. */
  readonly size?: number;
}

const WORTH_A_THREAD = 4 * 1024 * 1024;

/** Downloads into a writer's area of a directory store, in threads. After each the caller lets the writer `look`. */
export function openTransfers({ store, writer, upstream, parallel, size }: TransfersOptions): Transfers {
  const entry = new URL("./transfer-thread.js", import.meta.url);
  // Run from its sources, as tests do, the program has no file that a thread could load: Node 20 reads no TypeScript.
  if (import.meta.url.endsWith(".ts") || (size ?? WORTH_A_THREAD) < WORTH_A_THREAD)
    return directTransfers({ store, writer, upstream: openUpstream(upstream) });
  const threads = Math.max(1, Math.min(parallel, availableParallelism()));
  return pooledTransfers({ entry, folder: store.name, writerId: writer.id, upstream, threads });
}

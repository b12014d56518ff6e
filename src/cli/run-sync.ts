import { openTransfers, openUpstream } from "../compose-upstream.ts";
import type { SyncEvent, SyncReport } from "../intake/sync/sync-report.ts";
import { syncUpstream } from "../intake/sync/sync-upstream.ts";
import type { Store } from "../store/store.ts";
import type { ConfiguredUpstream } from "./upstream-settings.ts";

export interface RunSyncOptions {
  readonly store: Store;
  /** Names of all configured upstreams in their order. */
  readonly order: readonly string[];
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: SyncEvent) => void;
}

/** Syncs one upstream with everything it needs. The caller holds the lock. */
export async function runSync(configured: ConfiguredUpstream, options: RunSyncOptions): Promise<SyncReport> {
  const { policy, options: connection } = configured;
  const upstream = openUpstream(connection);
  const { store } = options;
  try {
    return await syncUpstream(policy, {
      ...options,
      upstream,
      openTransfers: (writer) =>
        openTransfers({ store, writer, upstream: connection, parallel: policy.parallel }),
    });
  } finally {
    await upstream.close();
  }
}

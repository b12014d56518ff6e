import { type Retained, retain } from "../curate/retain.ts";
import { usage } from "../curate/usage.ts";
import { HeadwaterError } from "../error.ts";
import type { RetentionPolicy } from "../retention/policy.ts";
import { type PruneReport, prune } from "../store/prune.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { storeToChange } from "./open-store.ts";
import { printPruned } from "./print-pruned.ts";
import { retentionPolicy } from "./retention-settings.ts";
import { readSettings } from "./settings.ts";

export interface PruneCommandOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly grace?: string;
  readonly freeNow?: boolean;
}

export interface Pruned {
  readonly retained: Retained;
  readonly pruned: PruneReport;
}

/** Takes off the lists what no rule keeps, then makes room: what `headwater prune` and a running server do. */
export async function pruneByRules(
  store: Store,
  policy: RetentionPolicy,
  options: {
    readonly now: number;
    readonly graceMs: number;
    readonly dryRun?: boolean;
    readonly freeNow?: boolean;
  },
): Promise<Pruned> {
  const { now, dryRun = false } = options;
  const retained = await retain(store, policy, { now, dryRun }).catch(async (error: unknown) => {
    // What keeps the rules from being applied, such as a locked key, keeps no room from being made; and there may be room then.
    await prune(store, options);
    if (error instanceof HeadwaterError && error.code === "STORE_FULL")
      return retain(store, policy, { now, dryRun });
    throw error;
  });
  // With a grace of nothing, what was listed until now is given up now.
  const after = Math.max(now, Date.parse(retained.generation?.createdAt ?? "") || 0);
  return { retained, pruned: await prune(store, { ...options, now: after }) };
}

/** Prunes with the configured rules and grace period, or the one asked for, and says what went. */
export async function pruneStore(io: Io, options: PruneCommandOptions): Promise<void> {
  const { dryRun = false, freeNow = false, grace } = options;
  const { config } = await readSettings(io, options, { grace });
  const policy = retentionPolicy(config);
  const store = await storeToChange(io, options);
  const settings = { now: Date.now(), graceMs: config.grace, dryRun, freeNow };
  const done = await pruneByRules(store, policy, settings);
  const { olderGenerations: bytes } = await usage(store, "stream");
  const newest = await store.newest();
  const until = (Date.parse(newest?.createdAt ?? "") || settings.now) + config.grace;
  const waiting = { bytes, until: new Date(until).toISOString() };
  printPruned(io, options, { store, ...settings, ...done, waiting });
}

import type { Socket } from "node:net";
import { openTransfers } from "../compose-upstream.ts";
import type { FillCounts } from "../intake/cache/filler.ts";
import { startFiller } from "../intake/cache/start-filler.ts";
import { evictionTask, fetchAhead } from "../intake/cache/tasks.ts";
import { readUpstreamNote, writeUpstreamNote } from "../intake/sync/upstream-note.ts";
import type { BackgroundTask } from "../server/background.ts";
import type { Logger } from "../server/logger.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { runSync } from "./run-sync.ts";
import { readSettings } from "./settings.ts";
import { withStoreLock } from "./store-lock.ts";
import { type ConfiguredUpstream, configuredUpstreams } from "./upstream-settings.ts";

const MINUTE_MS = 60_000;
/** Until a server that has just started looks after its upstreams. */
const FIRST_MS = 1000;
/** After a failure sooner than usual, but not at once. */
const AFTER_FAILURE = 0.25;

export interface ServeUpstreamsOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly graceMs: number;
}

/** What the process that holds the store's socket does for its upstreams. */
export interface UpstreamWork {
  readonly tasks: readonly BackgroundTask[];
  readonly onConnection: (socket: Socket) => void;
  readonly counts: Readonly<FillCounts>;
  close(): Promise<void>;
}

/** Syncs by schedule, downloads for caches, and makes room. The configuration is read anew each time: it may have been changed. */
export function serveUpstreams(
  io: Io,
  options: GlobalOptions,
  { store, log, graceMs }: ServeUpstreamsOptions,
): UpstreamWork {
  const configured = async (): Promise<ConfiguredUpstream[]> =>
    configuredUpstreams((await readSettings(io, options)).config);
  const one = async (stream: string): Promise<ConfiguredUpstream | undefined> =>
    (await configured()).find(({ policy }) => policy.name === stream);
  const { filler, evictor } = startFiller({
    store,
    log,
    graceMs,
    upstreamOf: async (stream) => {
      const found = await one(stream);
      return found === undefined || found.policy.offline ? undefined : found.options;
    },
    maxSizeOf: async (stream) => (await one(stream))?.maxSize,
    openTransfers: (writer, upstream, size) => openTransfers({ store, writer, upstream, parallel: 1, size }),
  });
  const ahead = fetchAhead({ store, filler });
  let hasMore = true;
  const sync: BackgroundTask = {
    name: "sync",
    everyMs: MINUTE_MS,
    firstMs: FIRST_MS,
    run: async (signal) => {
      const isChanged = await syncDue(await configured(), { store, log, signal });
      if (isChanged || hasMore) hasMore = await ahead.run(signal);
    },
  };
  return {
    tasks: [sync, { ...evictionTask(evictor), everyMs: MINUTE_MS }],
    onConnection: filler.onConnection,
    counts: filler.counts,
    close: () => filler.close(),
  };
}

interface Due {
  readonly store: Store;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Syncs every upstream whose time has come, one after the other. Resolves with whether something was published. */
async function syncDue(all: readonly ConfiguredUpstream[], { store, log, signal }: Due): Promise<boolean> {
  let isChanged = false;
  const order = all.map(({ policy }) => policy.name);
  for (const configured of all) {
    const { name } = configured.policy;
    const next = Date.parse((await readUpstreamNote(store, name)).nextSync ?? "");
    if (signal.aborted) break;
    if (next > Date.now()) continue;
    const facts = { upstream: name };
    let pauseMs = configured.everyMs;
    try {
      const report = await withStoreLock(store, "sync", { signal }, () =>
        runSync(configured, { store, order, signal }),
      );
      for (const { product, version, error } of report.failures)
        log.warn({ ...facts, product, version, err: error }, "an image was left out");
      const { published: generation, come, go, fetched: bytes } = report;
      isChanged ||= generation !== undefined;
      if (report.isOlder)
        log.warn(facts, "the upstream shows an older state than before; it is not believed yet");
      if (generation !== undefined)
        log.info({ ...facts, generation, come: come.images, go: go.images, bytes }, "synced");
    } catch (error) {
      if (signal.aborted) break;
      log.warn({ ...facts, err: error }, "an upstream could not be synced; what was listed stays");
      pauseMs *= AFTER_FAILURE;
    }
    // Spread, so that many servers do not ask the same upstream in the same minute.
    const nextSync = new Date(Date.now() + pauseMs * (0.9 + Math.random() * 0.2)).toISOString();
    await writeUpstreamNote(store, name, { ...(await readUpstreamNote(store, name)), nextSync });
  }
  return isChanged;
}

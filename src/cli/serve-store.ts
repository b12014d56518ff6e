import { join } from "node:path";
import type { FillCounts } from "../intake/cache/filler.ts";
import type { Fills } from "../intake/cache/fills.ts";
import { openFills } from "../intake/cache/open-fills.ts";
import { renderAnew } from "../publish/render-anew.ts";
import { startBackground } from "../server/background.ts";
import { type CertificateDescription, ensureCertificate } from "../server/certificate.ts";
import { loadCertificate } from "../server/certificate-source.ts";
import type { Counters } from "../server/counters.ts";
import type { Logger } from "../server/logger.ts";
import { startMetrics } from "../server/metrics.ts";
import { type RunningServer, startServer } from "../server/serve.ts";
import { isWorker, runWorker, startWorkers } from "../server/workers.ts";
import type { Store } from "../store/store.ts";
import { type Context, type GlobalOptions, notice } from "./context.ts";
import type { Io } from "./io.ts";
import { createLogger } from "./log.ts";
import { giveToOwnerOf } from "./owner.ts";
import { lxcTask } from "./serve-lxc.ts";
import { printServing } from "./print-serving.ts";
import { pruneByRules } from "./prune-store.ts";
import { retentionPolicy } from "./retention-settings.ts";
import type { ServeRequest } from "./serve-request.ts";
import { certificateFiles, tlsFolder, wantedNames } from "./server-identity.ts";
import { readSettings } from "./settings.ts";
import { deltaTask } from "./serve-deltas.ts";
import { serveUpstreams } from "./serve-upstreams.ts";

const HOUR_MS = 60 * 60 * 1000;

/** Serves a store until Ctrl-C or SIGTERM, and then until running downloads are done. */
export async function serveStore(
  context: Context,
  options: GlobalOptions,
  request: ServeRequest,
): Promise<void> {
  const { io } = context;
  const { config } = request;
  context.ownSignal();
  const log = await createLogger(io, options);
  if (isWorker()) {
    const fills = fillsOf(request.store);
    await runWorker(() => startOne(request, log, fills));
    await fills.close();
    return;
  }
  const certificate = await prepareCertificate(io, request);
  void tryKey(request.store, log);
  await renderByNewRules(request.store, log);
  const fills = fillsOf(request.store);
  const server =
    config.workers > 1
      ? await startWorkers({ count: config.workers, log })
      : await startOne(request, log, fills);
  const stops = [() => server.close(), () => fills.close()];
  try {
    stops.push(await startSideWork(context, options, { ...request, server, log }));
    await printServing(io, options, { ...request, server, certificate });
    await aborted(io.signal);
    notice(io, options, "Stopping. Running downloads get up to 60 seconds; Ctrl-C again cuts them.");
  } finally {
    for (const stop of stops) await stop();
  }
}

/**
 * A key that cannot sign is said at once, and not first when something is to be published. What is listed is served all the same: after
 * a reboot, say, before somebody has unlocked the key. Nor does serving wait for the answer, which a card may take minutes for.
 */
async function tryKey(store: Store, log: Logger): Promise<void> {
  try {
    await store.signer?.sign(new Uint8Array());
  } catch (error) {
    log.warn({ err: error }, "the signing key cannot sign now; until it can, nothing new is published here");
  }
}

/** After an upgrade. What was published before is true all the same, so nothing that goes wrong here keeps it from being served. */
async function renderByNewRules(store: Store, log: Logger): Promise<void> {
  try {
    const generation = await renderAnew(store);
    if (generation !== undefined)
      log.info({ generation: generation.number }, "rendered by the rules of this version");
  } catch (error) {
    log.warn(
      { err: error },
      "what is listed could not be rendered by the rules of this version; it is served as it is",
    );
  }
}

function startOne({ store, config }: ServeRequest, log: Logger, fills: Fills): Promise<RunningServer> {
  const { listen, url, plain } = config;
  const certificate = certificateFiles(config, store.name);
  return startServer({ store, listen, certificate, url, plain, log, fills });
}

function fillsOf(store: Store): Fills {
  return openFills({ store, socketPath: socketPathOf(store) });
}

function socketPathOf(store: Store): string {
  return join(store.name, "state", "serve.sock");
}

/**
 * The certificate that will be served: the configured one, else the store's own, made when it is not there. None where a
 * proxy does TLS: its certificate is the one that clients see.
 */
async function prepareCertificate(
  io: Io,
  request: ServeRequest,
): Promise<CertificateDescription | undefined> {
  const { store, config, firstNames = [] } = request;
  if (config.listen.every(({ kind }) => kind === "proxied")) return undefined;
  if (config.certificate === undefined) {
    const folder = tlsFolder(store.name);
    await ensureCertificate(folder, [...firstNames, ...wantedNames(config)]);
    await giveToOwnerOf(store.name, io, [folder, certificateFiles(config, store.name).certificate]);
  }
  return (await loadCertificate(certificateFiles(config, store.name))).description;
}

interface SideWork extends ServeRequest {
  readonly server: RunningServer;
  readonly log: Logger;
}

/** What goes on beside answering: syncs, downloads for caches, making room, and metrics. Returns what ends it. */
async function startSideWork(
  context: Context,
  options: GlobalOptions,
  work: SideWork,
): Promise<() => Promise<void>> {
  const { store, config, server, log } = work;
  const upstreams = serveUpstreams(context.io, options, { store, log, graceMs: config.grace });
  const background = await startBackground({
    socketPath: socketPathOf(store),
    tasks: [
      { name: "prune", everyMs: HOUR_MS, run: () => pruneAndTell(context, options, work) },
      deltaTask(context.io, options, { store, log }),
      ...upstreams.tasks,
      lxcTask(context.io, options, { store, log }),
    ],
    onConnection: upstreams.onConnection,
    log,
  });
  const stop = async (): Promise<void> => {
    await upstreams.close();
    await background.close();
  };
  try {
    const metrics =
      config.metrics === "off"
        ? undefined
        : await startMetrics({
            listen: config.metrics,
            counters: () => ({ ...server.counters, ...fillCounters(upstreams.counts) }),
            log,
          });
    return async () => {
      await metrics?.close();
      await stop();
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Downloads for caches happen beside the server, in one process; in the metrics they are the server's. */
function fillCounters({ running, fetched, failed, evicted }: Readonly<FillCounts>): Partial<Counters> {
  return { runningFills: running, upstreamBytes: fetched, failedFills: failed, evictedFiles: evicted };
}

/** The rules are read anew each time: the file may have been changed. */
async function pruneAndTell(
  context: Context,
  options: GlobalOptions,
  { store, config, log }: SideWork,
): Promise<void> {
  const policy = retentionPolicy((await readSettings(context.io, options)).config);
  const { retained, pruned } = await pruneByRules(store, policy, {
    now: Date.now(),
    graceMs: config.grace,
  });
  const { generation, goes, unusedRules } = retained;
  if (generation !== undefined)
    log.info(
      { generation: generation.number, versions: goes.length, unusedRules },
      "took off the lists what no rule keeps",
    );
  const { published, deleted } = pruned;
  if (published !== undefined)
    log.info({ generation: published, blobs: deleted.blobs, bytes: deleted.bytes }, "pruned");
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

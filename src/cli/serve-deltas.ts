import { openBlobFiles } from "../compose.ts";
import type { DeltaReport } from "../derive/deltas/delta-report.ts";
import { makeDeltas } from "../derive/deltas/make-deltas.ts";
import { Xdelta3 } from "../derive/deltas/xdelta3.ts";
import type { BackgroundTask } from "../server/background.ts";
import type { Logger } from "../server/logger.ts";
import type { Store } from "../store/store.ts";
import { productsPaths } from "../views/documents.ts";
import { OWN_STREAM } from "../views/image-stream.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { readSettings } from "./settings.ts";
import { withStoreLock } from "./store-lock.ts";

const MINUTE_MS = 60_000;
/** Until a server that has just started begins with it. */
const FIRST_MS = 5000;
/** Nothing new was published: only what failed may be due again. */
const LOOK_AGAIN_MS = 60 * MINUTE_MS;

/** Makes deltas for what was published since the last look. The configuration is read anew each time: it may have been changed. */
export function deltaTask(
  io: Io,
  options: GlobalOptions,
  { store, log }: { readonly store: Store; readonly log: Logger },
): BackgroundTask {
  const xdelta3 = new Xdelta3();
  let looked: { readonly lists: string | undefined; readonly atMs: number } = { lists: "", atMs: 0 };
  let isMissing = false;
  const run = async (signal: AbortSignal): Promise<void> => {
    const { config } = await readSettings(io, options);
    const newest = await store.newest();
    if (!config.deltas || newest === undefined) return;
    // A cache that keeps what somebody asked for makes a generation too, and changes nothing here.
    const [path = ""] = productsPaths(OWN_STREAM);
    const lists = newest.documents[path]?.sha256;
    if (looked.lists === lists && Date.now() - looked.atMs < LOOK_AGAIN_MS) return;
    if (!(await xdelta3.isInstalled())) {
      if (!isMissing) log.warn({}, "deltas are not made: the xdelta3 program is not installed");
      isMissing = true;
      return;
    }
    isMissing = false;
    // Also when it fails, on a full disk for instance: not the same work again each minute.
    looked = { lists, atMs: Date.now() };
    await withStoreLock(store, "deltas", { signal }, () =>
      makeDeltas({
        store,
        files: openBlobFiles(store.name),
        xdelta3,
        maxSize: config.deltaMaxSize,
        signal,
        onReport: (report) => tell(log, report),
      }),
    );
  };
  return { name: "deltas", everyMs: MINUTE_MS, firstMs: FIRST_MS, run };
}

function tell(log: Logger, report: DeltaReport): void {
  const { product, version, base, rootSize } = report;
  const facts = { product, version, base, rootSize };
  if (report.outcome === "made") log.info({ ...facts, size: report.size }, "a delta was made");
  else if (report.outcome === "not worth it" && !report.before)
    log.info({ ...facts, size: report.size }, "a delta is not worth it");
  else if (report.outcome === "failed" && !report.before)
    log.warn({ ...facts, reason: report.reason }, "a delta could not be made; clients fetch the whole root");
}

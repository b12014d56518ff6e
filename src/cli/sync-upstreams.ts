import type { Config } from "../config/schema.ts";
import { HeadwaterError } from "../error.ts";
import type { SyncReport } from "../intake/sync/sync-report.ts";
import type { Store } from "../store/store.ts";
import { type Context, type GlobalOptions, notice } from "./context.ts";
import { STATUS_OF_CODE } from "./exit-status.ts";
import { jsonText } from "./output.ts";
import { reportData, reportLines } from "./print-sync.ts";
import { runSync } from "./run-sync.ts";
import { withStoreLock } from "./store-lock.ts";
import { SyncProgress } from "./sync-progress.ts";
import { type ConfiguredUpstream, configuredUpstreams } from "./upstream-settings.ts";
import { visible } from "./visible.ts";

export interface SyncRequest {
  readonly store: Store;
  readonly config: Config;
  /** Empty: all. */
  readonly names: readonly string[];
  readonly dryRun: boolean;
}

/** Syncs upstreams one after the other and says what came of each. One that fails does not keep the others from it. */
export async function syncUpstreams(
  context: Context,
  options: GlobalOptions,
  request: SyncRequest,
): Promise<void> {
  const { io } = context;
  const all = await configuredUpstreams(request.config);
  const chosen = chooseUpstreams(all, request.names);
  const order = all.map(({ policy }) => policy.name);
  const progress = new SyncProgress(io, options);
  const results: unknown[] = [];
  const work = async (): Promise<void> => {
    for (const configured of chosen) {
      const { name } = configured.policy;
      progress.begin(name);
      const { store, dryRun } = request;
      try {
        const report = await runSync(configured, {
          store,
          order,
          dryRun,
          signal: io.signal,
          onEvent: progress.onEvent,
        });
        progress.end();
        results.push(tell(report));
      } catch (error) {
        progress.end();
        if (!(error instanceof HeadwaterError) || io.signal.aborted) throw error;
        context.exitWith(STATUS_OF_CODE[error.code]);
        results.push({ stream: name, error: { code: error.code, message: error.message, hint: error.hint } });
        if (options.json !== true) {
          io.stderr.write(`${visible(`${name}: ${error.message}`)}\n`);
          if (error.hint !== undefined) io.stderr.write(`  ${visible(error.hint)}\n`);
        }
      }
    }
  };
  const tell = (report: SyncReport): unknown => {
    if (report.failures.length > 0) context.exitWith(STATUS_OF_CODE.UPSTREAM_WRONG);
    if (options.json !== true && options.quiet !== true) io.stdout.write(reportLines(report, request.dryRun));
    return reportData(report, request.dryRun);
  };
  try {
    if (request.dryRun) await work();
    else {
      const onWait = (pid: number | undefined): void =>
        notice(
          io,
          options,
          `Another process${pid === undefined ? "" : ` (${pid})`} is syncing this store; waiting for it.`,
        );
      await withStoreLock(request.store, "sync", { signal: io.signal, onWait }, work);
    }
  } catch (error) {
    progress.end();
    if (io.signal.aborted)
      notice(io, options, "Stopped. What has come is kept: the next sync goes on from there.");
    throw error;
  }
  if (options.json === true) io.stdout.write(jsonText(results));
}

function chooseUpstreams(
  all: readonly ConfiguredUpstream[],
  names: readonly string[],
): readonly ConfiguredUpstream[] {
  for (const name of names) {
    if (all.some(({ policy }) => policy.name === name)) continue;
    throw new HeadwaterError("NOT_FOUND", `there is no upstream "${name}"`, {
      hint: "headwater upstream list shows them.",
      details: { name },
    });
  }
  if (all.length === 0) {
    throw new HeadwaterError("NOT_FOUND", "there is no upstream yet", {
      hint: "Such as: headwater upstream add ubuntu",
    });
  }
  return names.length === 0 ? all : all.filter(({ policy }) => names.includes(policy.name));
}

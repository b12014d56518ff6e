import type { DeltaReport } from "../derive/deltas/delta-report.ts";
import { makeDeltas, type MakeDeltasOptions } from "../derive/deltas/make-deltas.ts";
import { Xdelta3 } from "../derive/deltas/xdelta3.ts";
import { HeadwaterError } from "../error.ts";
import { type Context, type GlobalOptions, notice } from "./context.ts";
import { FAILED } from "./exit-status.ts";
import { storeToChange } from "./open-store.ts";
import { printDeltas } from "./print-deltas.ts";
import { progressLine } from "./progress.ts";
import { readSettings } from "./settings.ts";
import { withStoreLock } from "./store-lock.ts";

export interface DeltaCommandOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly again?: boolean;
}

/** Makes the deltas that are missing, whether or not the server is to make any, and says of each product what came of it. */
export async function deltaStore(context: Context, options: DeltaCommandOptions): Promise<void> {
  const { io } = context;
  const { dryRun = false, again = false } = options;
  const { config } = await readSettings(io, options);
  const store = await storeToChange(io, options);
  const { openBlobFiles } = await import("../compose.ts");
  const xdelta3 = new Xdelta3();
  if (!dryRun && !(await xdelta3.isInstalled())) throw missing();
  const line = progressLine(io, options);
  const wishes: MakeDeltasOptions = {
    store,
    files: openBlobFiles(store.name),
    xdelta3,
    maxSize: config.deltaMaxSize,
    again,
    dryRun,
    signal: io.signal,
    onProgress: ({ pair, done, total }) =>
      line.update({ label: `${pair.product} ${pair.version}`, done, total }),
    onReport: () => line.end(),
  };
  const onWait = (pid: number | undefined): void =>
    notice(
      io,
      options,
      `Another process${pid === undefined ? "" : ` (${pid})`} makes deltas in this store; waiting for it.`,
    );
  const work = (): Promise<DeltaReport[]> => makeDeltas(wishes).finally(() => line.end());
  const reports = dryRun
    ? await work()
    : await withStoreLock(store, "deltas", { signal: io.signal, onWait }, work);
  if (reports.some(({ outcome }) => outcome === "failed")) context.exitWith(FAILED);
  const newest = await store.newest();
  printDeltas(io, options, { store, generation: newest?.number ?? null, reports, dryRun });
}

function missing(): HeadwaterError {
  return new HeadwaterError(
    "PROGRAM_MISSING",
    "the xdelta3 program is not installed, and deltas are made with it",
    {
      hint: "Debian: apt install xdelta3. Clients that are to use deltas need it too.",
      details: { program: "xdelta3" },
    },
  );
}

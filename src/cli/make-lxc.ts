import { openBlobFiles } from "../compose.ts";
import { makeLxcFiles } from "../derive/lxc/make-lxc-files.ts";
import { type Context, type GlobalOptions, notice } from "./context.ts";
import { STATUS_OF_CODE } from "./exit-status.ts";
import { lxcStreams } from "./lxc-streams.ts";
import { storeToChange } from "./open-store.ts";
import { printLxc } from "./print-lxc.ts";
import { countLine } from "./progress.ts";
import { readSettings } from "./settings.ts";
import { withStoreLock } from "./store-lock.ts";

export interface LxcCommandOptions extends GlobalOptions {
  readonly dryRun?: boolean;
}

/** Makes the files for LXC of all builds that wait for them, and says what came of it. */
export async function makeLxc(context: Context, options: LxcCommandOptions): Promise<void> {
  const { io } = context;
  const { dryRun = false } = options;
  const { config, file } = await readSettings(io, options);
  const store = await storeToChange(io, options);
  const streams = lxcStreams(config);
  if (streams.size === 0) tellNothingWanted(context, options, file);
  const progress = countLine(io, options);
  let at = { label: "", done: 0, total: 0 };
  const work = () =>
    makeLxcFiles(store, {
      streams,
      dryRun,
      blobFiles: openBlobFiles(store.name),
      signal: io.signal,
      onBuild: ({ product, version }, { done, total }) => {
        at = { label: `${product} ${version}`, done, total };
        progress.update(at);
      },
      onBytes: () => progress.update(at),
    });
  try {
    const onWait = (pid: number | undefined): void =>
      notice(
        io,
        options,
        `Another process${pid === undefined ? "" : ` (${pid})`} is at this work; waiting for it.`,
      );
    const report = dryRun
      ? await work()
      : await withStoreLock(store, "lxc", { signal: io.signal, onWait }, work);
    progress.end();
    printLxc(io, options, { store, report, dryRun });
    const [failure] = report.failures;
    if (failure !== undefined) context.exitWith(STATUS_OF_CODE[failure.error.code]);
  } finally {
    progress.end();
  }
}

/** Not an error where something is to be taken away, which the work does. */
function tellNothingWanted({ io }: Context, options: GlobalOptions, file: string): void {
  notice(io, options, `No image stream has lxc: true in ${file}, so LXC is offered nothing.`);
}

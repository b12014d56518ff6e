import { openBlobFiles } from "../compose.ts";
import { makeLxcFiles } from "../derive/lxc/make-lxc-files.ts";
import type { LxcWork } from "../derive/lxc/plan.ts";
import type { BackgroundTask } from "../server/background.ts";
import type { Logger } from "../server/logger.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { lxcStreams } from "./lxc-streams.ts";
import { readSettings } from "./settings.ts";
import { withStoreLock } from "./store-lock.ts";

const LOOK_EVERY_MS = 15_000;
/** Until a build that failed is tried again: a program may have been installed. */
const AGAIN_MS = 60 * 60 * 1000;

/** Makes files for LXC of what was published. The configuration is read anew each time; nothing is done while all is as it was. */
export function lxcTask(
  io: Io,
  options: GlobalOptions,
  { store, log }: { readonly store: Store; readonly log: Logger },
): BackgroundTask {
  const failed = new Map<string, number>();
  const said = new Set<string>();
  let seen = "";
  return {
    name: "lxc",
    everyMs: LOOK_EVERY_MS,
    firstMs: 1000,
    run: async (signal) => {
      const streams = lxcStreams((await readSettings(io, options)).config);
      const state = async (): Promise<string> => [(await store.newest())?.id, ...streams].join(" ");
      const waits = [...failed.values()].every((atMs) => atMs + AGAIN_MS > Date.now());
      if (waits && (await state()) === seen) return;
      const report = await withStoreLock(store, "lxc", { signal }, () =>
        makeLxcFiles(store, {
          streams,
          signal,
          blobFiles: openBlobFiles(store.name),
          skips: (work) => (failed.get(keyOf(work)) ?? 0) + AGAIN_MS > Date.now(),
        }),
      );
      for (const { stream, product, version } of report.made)
        log.info({ stream, product, version }, "made for LXC");
      for (const { work } of report.failures) failed.set(keyOf(work), Date.now());
      for (const { work, error } of report.failures) {
        const { stream, product, version } = work;
        // Where a program is missing, every build fails in the same words.
        if (!said.has(error.message))
          log.warn(
            { stream, product, version, err: error },
            "files for LXC could not be made; tried again in an hour",
          );
        said.add(error.message);
      }
      seen = await state();
    },
  };
}

function keyOf({ root, metadata }: LxcWork): string {
  return `${root.sha256} ${metadata.sha256}`;
}

import { statfs } from "node:fs/promises";
import type { Store } from "../../store/store.ts";
import { Evictor } from "./evict.ts";
import { Filler, type FillerOptions } from "./filler.ts";
import { LastUse } from "./last-use.ts";

export interface StartFillerOptions extends Omit<FillerOptions, "evictor" | "lastUse"> {
  /** `--max-size` of a cache, in bytes; undefined: as much as the disk has room for. */
  readonly maxSizeOf: (stream: string) => Promise<number | undefined>;
  readonly space?: () => Promise<{ readonly free: number; readonly total: number }>;
  readonly graceMs?: number;
}

/**
 * What a process needs that may come to hold `state/serve.sock`: nothing happens before somebody connects. `filler.onConnection` is for the
 * lock, `evictor` for `evictionTask`.
 */
export function startFiller(options: StartFillerOptions): {
  readonly filler: Filler;
  readonly evictor: Evictor;
} {
  const { store, maxSizeOf, log, graceMs, space = () => spaceOf(store) } = options;
  const lastUse = new LastUse(store);
  const evictor = new Evictor({
    store,
    lastUse,
    space,
    maxSizeOf,
    graceMs,
    onEvicted: (stream, files, bytes) => {
      filler.counts.evicted += files;
      log.info({ stream, files, bytes }, "gave up what was not asked for longest");
    },
  });
  const filler = new Filler({ ...options, evictor, lastUse });
  return { filler, evictor };
}

/** Of the disk of a store that is a folder; what only root may use is not free. */
async function spaceOf({ name }: Store): Promise<{ readonly free: number; readonly total: number }> {
  const { bavail, blocks, bsize } = await statfs(name);
  return { free: bavail * bsize, total: blocks * bsize };
}

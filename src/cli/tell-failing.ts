import { readUpstreamNote } from "../intake/sync/upstream-note.ts";
import type { Store } from "../store/store.ts";
import type { ImageStream } from "../views/image-stream.ts";
import { type GlobalOptions, notice } from "./context.ts";
import type { Io } from "./io.ts";

/** Says of each upstream that fails now since when its list is the last good one. */
export async function tellFailing(
  io: Io,
  options: GlobalOptions,
  { store, streams }: { readonly store: Store; readonly streams: readonly ImageStream[] },
): Promise<void> {
  for (const { name, upstream } of streams) {
    if (upstream === undefined || upstream.record.offline) continue;
    const { lastError } = await readUpstreamNote(store, name);
    if (lastError === undefined) continue;
    notice(
      io,
      options,
      `${name}: listed as the upstream last said; it fails since ${lastError.since}: ${lastError.message}`,
    );
  }
}

import { HeadwaterError } from "../error.ts";
import { applyBundle } from "../intake/bundle/apply-bundle.ts";
import { withBundle } from "./bundle-input.ts";
import { type TrustOptions, trustOf } from "./bundle-trust.ts";
import { notice } from "./context.ts";
import type { Io } from "./io.ts";
import { storeToFill, storeToTry } from "./open-store.ts";
import { printApplied } from "./print-bundle.ts";
import { progressLine } from "./progress.ts";
import { retentionPolicy } from "./retention-settings.ts";
import { readSettings } from "./settings.ts";
import { withStoreLock } from "./store-lock.ts";

export interface ApplyBundleOptions extends TrustOptions {
  readonly as?: readonly string[];
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

/** Applies a bundle, or says what that would change. One at a time, and none while upstreams are synced: both change image streams. */
export async function applyBundleFile(
  io: Io,
  options: ApplyBundleOptions,
  files: readonly string[],
): Promise<void> {
  const { force = false, dryRun = false } = options;
  const { config } = await readSettings(io, options);
  const retention = retentionPolicy(config);
  const wishes = { ...(await trustOf(io, options)), names: namesOf(options), retention, force, dryRun };
  const line = progressLine(io, options);
  const shared = {
    ...wishes,
    signal: io.signal,
    now: Date.now,
    onProgress: ({ bytes, of }: { readonly bytes: number; readonly of: number }) =>
      line.update({ label: "reading", done: bytes, total: of }),
  };
  if (dryRun) {
    const { store, name, remove } = await storeToTry(io, options);
    try {
      const report = await withBundle(io, files, (source) => applyBundle(store, source, shared));
      printApplied(io, options, { store: name, report, dryRun });
    } finally {
      await remove();
    }
    return;
  }
  const store = await storeToFill(io, options);
  const onWait = (pid: number | undefined): void =>
    notice(
      io,
      options,
      `waiting for ${pid === undefined ? "another process" : `process ${pid}`}, which changes image streams`,
    );
  const report = await withStoreLock(store, "sync", { signal: io.signal, onWait }, () =>
    withBundle(io, files, (source) => applyBundle(store, source, shared)),
  ).finally(() => line.end());
  printApplied(io, options, { store: store.name, report, dryRun });
}

/** `--as headquarters` is about what the sender made, whose image stream is `images` there; `--as ubuntu=theirs` about any. */
function namesOf({ as = [] }: ApplyBundleOptions): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const text of as) {
    const at = text.indexOf("=");
    const [there, here] = at === -1 ? ["images", text] : [text.slice(0, at), text.slice(at + 1)];
    if (there === "" || here === "") {
      throw new HeadwaterError("USAGE", `--as ${text}: expected a name, or THERE=HERE`, {
        hint: "Such as --as headquarters, or --as ubuntu=ubuntu-hq.",
      });
    }
    names.set(there, here);
  }
  return names;
}

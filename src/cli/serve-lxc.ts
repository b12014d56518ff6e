import { openBlobFiles } from "../compose.ts";
import type { HeadwaterError } from "../error.ts";
import { type LxcReport, makeLxcFiles } from "../derive/lxc/make-lxc-files.ts";
import type { LxcWork } from "../derive/lxc/plan.ts";
import type { BackgroundTask } from "../server/background.ts";
import type { Logger } from "../server/logger.ts";
import type { Generation } from "../store/generation.ts";
import type { Signer } from "../store/signer.ts";
import type { Store } from "../store/store.ts";
import { LXC_PRODUCTS } from "../views/lxc-files.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { lxcStreams } from "./lxc-streams.ts";
import { readSettings } from "./settings.ts";
import { withStoreLock } from "./store-lock.ts";

const LOOK_EVERY_MS = 15_000;
const FIRST_MS = 1000;
/** Until what failed is tried again: a program may have been installed, or the disk have room. */
const AGAIN_MS = 60 * 60 * 1000;

/** Makes files for LXC of what was published. The configuration is read anew each time; nothing is done while all is as it was. */
export function lxcTask(
  io: Io,
  options: GlobalOptions,
  { store, log, maxBytes }: { readonly store: Store; readonly log: Logger; readonly maxBytes?: number },
): BackgroundTask {
  const failedAt = new Map<string, number>();
  const tell = teller(log);
  let looked: { readonly state?: string; readonly atMs: number } = { atMs: 0 };
  const run = async (signal: AbortSignal): Promise<void> => {
    const streams = lxcStreams((await readSettings(io, options)).config);
    const state = stateOf(await store.newest(), streams, store.signer);
    const nowMs = Date.now();
    if (state === "" || (state === looked.state && nowMs - looked.atMs < AGAIN_MS)) return;
    // Also when it fails, on a full disk for instance: not the same work again each few seconds.
    looked = { state, atMs: nowMs };
    for (const [key, atMs] of failedAt) if (nowMs - atMs >= AGAIN_MS) failedAt.delete(key);
    const skips = (work: LxcWork): boolean => failedAt.has(keyOf(work));
    const blobFiles = openBlobFiles(store.name);
    const report = await withStoreLock(store, "lxc", { signal }, () =>
      makeLxcFiles(store, { streams, signal, blobFiles, skips, maxBytes }),
    );
    for (const { work, error } of report.failures)
      failedAt.set(keyOf(work), isLasting(error) ? Number.POSITIVE_INFINITY : nowMs);
    tell(report);
    // What others published meanwhile waits for its files: only a look that found nothing to do has seen all.
    if (report.generation !== undefined) looked = { atMs: nowMs };
  };
  return { name: "lxc", everyMs: LOOK_EVERY_MS, firstMs: FIRST_MS, run };
}

/** A root that is too large stays so, and it takes long to see that it is. */
function isLasting({ code }: HeadwaterError): boolean {
  return code === "FILE_TOO_LARGE";
}

function keyOf({ root, metadata }: LxcWork): string {
  return `${root.sha256} ${metadata.sha256}`;
}

/** All that the work depends on; empty when there is none. A cache that was filled is a new generation and changes nothing here. */
function stateOf(
  newest: Generation | undefined,
  wanted: ReadonlySet<string>,
  signer: Signer | undefined,
): string {
  const lists: string[] = [];
  for (const { name, products } of newest?.streams ?? []) {
    if (!wanted.has(name) && !products.includes(`${name}/${LXC_PRODUCTS}`)) continue;
    lists.push(name, ...products.map((path) => newest?.documents[path]?.sha256 ?? ""));
  }
  return lists.length === 0 ? "" : [signer?.fingerprint, ...wanted, ...lists].join(" ");
}

/** Says what was made each time, and what is wrong once: where a program is missing, every build fails in the same words. */
function teller(log: Logger): (report: LxcReport) => void {
  const said = new Set<string>();
  const once = (what: string, say: () => void): void => {
    if (!said.has(what)) say();
    said.add(what);
  };
  return ({ made, failures, hidden }) => {
    for (const { stream, product, version } of made) log.info({ stream, product, version }, "made for LXC");
    for (const { work, error } of failures) {
      const { stream, product, version } = work;
      const facts = { stream, product, version, err: error };
      const then = isLasting(error) ? "" : "; tried again in an hour";
      once(error.message, () => log.warn(facts, `files for LXC could not be made${then}`));
    }
    for (const { stream, product, reason } of hidden)
      once(`${stream}/${product}`, () => log.warn({ stream, product, reason }, "not in the index of LXC"));
  };
}

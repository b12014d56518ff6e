import { resolve } from "node:path";
import { HeadwaterError } from "../error.ts";
import type { LinkMode } from "../export/tree/bring.ts";
import { checkTree } from "../export/tree/check-tree.ts";
import { exportTree, tryExport } from "../export/tree/export-tree.ts";
import type { Context, GlobalOptions } from "./context.ts";
import { FAILED } from "./exit-status.ts";
import { storeToExport } from "./open-store.ts";
import { printDifference, printExported } from "./print-exported.ts";
import { progressLine } from "./progress.ts";
import { readSettings } from "./settings.ts";

export interface ExportTreeOptions extends GlobalOptions {
  readonly stream?: string;
  readonly generation?: string;
  readonly link: LinkMode;
  readonly grace?: string;
  readonly check?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly checksum?: boolean;
}

/** Exports, says what an export would do, or compares: whichever is asked for. */
export async function exportToFolder(
  context: Context,
  options: ExportTreeOptions,
  name: string,
): Promise<void> {
  if (options.check === true) refuseWithCheck(options);
  const { io } = context;
  const { stream, generation, link, grace, dryRun = false, force = false, checksum = false } = options;
  const { config } = await readSettings(io, options, { grace });
  const store = await storeToExport(io, options);
  const folder = resolve(io.cwd, name);
  const line = progressLine(io, options);
  const shared = {
    stream,
    generation,
    signal: io.signal,
    onProgress: ({ bytes, of }: { readonly bytes: number; readonly of: number }) =>
      line.update({ label: options.check === true ? "reading" : "copying", done: bytes, total: of }),
  };
  if (options.check === true) {
    const difference = await checkTree(store, folder, shared).finally(() => line.end());
    const { missing, differing, extra } = difference;
    if (missing.length + differing.length + extra.length > 0) context.exitWith(FAILED);
    printDifference(io, options, { store, difference });
    return;
  }
  const { openBlobFiles } = await import("../compose.ts");
  const work = dryRun ? tryExport : exportTree;
  const wishes = { ...shared, folder, link, force, readsAll: checksum, graceMs: config.grace, now: Date.now };
  const report = await work(store, openBlobFiles(store.name), wishes).finally(() => line.end());
  printExported(io, options, { store, report, dryRun });
}

function refuseWithCheck({ dryRun, force, checksum, grace }: ExportTreeOptions): void {
  const given = { "--dry-run": dryRun, "--force": force, "--checksum": checksum, "--grace": grace };
  const [named] = Object.entries(given).flatMap(([option, value]) => (value === undefined ? [] : [option]));
  if (named === undefined) return;
  throw new HeadwaterError("USAGE", `--check changes nothing, and ${named} is for what does`, {
    hint: "Leave one of them out.",
  });
}

import type { DeltaReport } from "../derive/deltas/delta-report.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

export interface PrintedDeltas {
  readonly store: Store;
  readonly generation: number | null;
  readonly reports: readonly DeltaReport[];
  readonly dryRun: boolean;
}

/** What came of each product, one line each. */
export function printDeltas(
  io: Io,
  options: GlobalOptions,
  { store, generation, reports, dryRun }: PrintedDeltas,
): void {
  if (options.json === true) {
    io.stdout.write(jsonText({ store: store.name, generation, dryRun, deltas: reports }));
    return;
  }
  if (options.quiet === true) return;
  const lines =
    reports.length === 0
      ? [
          "No product made here has two versions with a squashfs, so there is nothing to make a delta between.",
        ]
      : reports.map((report) => `${report.product} ${report.version} from ${report.base}: ${textOf(report)}`);
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

function textOf(report: DeltaReport): string {
  const of = `of ${readableSize(report.rootSize)}`;
  if (report.outcome === "made") return `made, ${readableSize(report.size)} ${of}`;
  if (report.outcome === "present") return `there already, ${readableSize(report.size)} ${of}`;
  if (report.outcome === "wanted") return `would be tried, ${of}`;
  if (report.outcome === "not worth it")
    return `not worth it, ${readableSize(report.size)} or more ${of}${before(report.before)}`;
  if (report.outcome === "too large") return `too large, ${of} (deltaMaxSize says up to which size)`;
  if (report.outcome === "failed") return `failed: ${report.reason}${before(report.before)}`;
  return "given up: one of the two is listed no more";
}

function before(isBefore: boolean): string {
  return isBefore ? " (found out before; --again tries anew)" : "";
}

import type { TreeDifference } from "../export/tree/check-tree.ts";
import type { Count, ExportReport } from "../export/tree/export-tree.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

/** Paths of one kind that a person is shown; `--json` has all. */
const SHOWN = 10;

export interface Exported {
  readonly store: Store;
  readonly report: ExportReport;
  readonly dryRun: boolean;
}

export function printExported(io: Io, options: GlobalOptions, { store, report, dryRun }: Exported): void {
  if (options.json === true) {
    const { folder, generation, ...facts } = report;
    io.stdout.write(jsonText({ store: store.name, folder, generation, dryRun, ...facts }));
    return;
  }
  if (options.quiet === true) return;
  const { folder, generation, listed, come, written, removed, leaving, leavesAt } = report;
  const changes = [
    ...(come.files === 0 ? [] : [`${counted(come)} ${howTheyCame(report, dryRun)}`]),
    ...(written.files === 0 ? [] : [`${counted(written)} of lists and sums written`]),
    ...(removed.files === 0 ? [] : [`${counted(removed)} removed that nothing listed any more`]),
  ];
  const until = leavesAt === null ? "" : `; the next run after ${leavesAt.slice(0, 16)}Z removes the first`;
  const lines = [
    `${dryRun ? "Would export" : "Exported"} generation ${generation} to ${folder}: ${counted(listed)}`,
    ...(changes.length === 0
      ? ["Nothing to do: it is so already."]
      : changes.map((line) => `${dryRun ? "Would be: " : ""}${line}`)),
    ...(leaving.files === 0 ? [] : [`${counted(leaving)} stay for those who have older lists${until}`]),
    ...notHereLines(report),
  ];
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

function howTheyCame({ copiedBytes, sharedFiles }: ExportReport, dryRun: boolean): string {
  if (dryRun) return "brought";
  const ways = [
    ...(copiedBytes === 0 ? [] : [`${readableSize(copiedBytes)} copied`]),
    ...(sharedFiles === 0 ? [] : [`${sharedFiles} files linked`]),
  ];
  return `brought (${ways.length === 0 ? "empty" : ways.join(", ")})`;
}

/** What a static tree cannot have, since nobody fetches it when it is asked for. */
function notHereLines({ notHeld, unplaceable, omitted }: ExportReport): string[] {
  return [
    ...notHeld.map(
      ({ stream, files, bytes }) =>
        `Not in the tree: ${counted({ files, bytes })} of ${stream} that are at its upstream`,
    ),
    ...(unplaceable.length === 0
      ? []
      : [
          `Not in the tree: ${some(unplaceable)}, since no folder can hold a file of that path beside the others`,
        ]),
    ...(omitted.length === 0
      ? []
      : [`Not in the tree: ${some(omitted)}, since the lists were made anew for what is here`]),
  ];
}

export interface Compared {
  readonly store: Store;
  readonly difference: TreeDifference;
}

export function printDifference(io: Io, options: GlobalOptions, { store, difference }: Compared): void {
  if (options.json === true) {
    const { folder, generation, ...facts } = difference;
    io.stdout.write(jsonText({ store: store.name, folder, generation, ...facts }));
    return;
  }
  const { folder, generation, exported, missing, differing, extra, files, bytes, leaving } = difference;
  const differences = [
    ...kind("missing", missing),
    ...kind("differs", differing),
    ...kind("extra", extra),
    ...(missing.length + differing.length === 0
      ? []
      : [`headwater export-tree ${folder} --checksum puts right what is missing or differs.`]),
    ...(exported === null || exported === generation
      ? []
      : [`The last export was of generation ${exported}; the store is compared at ${generation}.`]),
  ];
  const isSame = missing.length + differing.length + extra.length === 0;
  const news = [
    isSame
      ? `${folder} is generation ${generation}: ${counted({ files, bytes })}, all as the store says`
      : `${folder} is not generation ${generation}: ${missing.length} missing, ${differing.length} differ, ${extra.length} extra`,
    ...(leaving === 0
      ? []
      : [`${leaving} files that nothing lists any more wait for the end of their grace`]),
  ];
  const lines = options.quiet === true ? differences : [...differences, ...news];
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

function kind(word: string, paths: readonly string[]): string[] {
  const shown = paths.slice(0, SHOWN).map((path) => `${word}: ${path}`);
  return paths.length <= SHOWN ? shown : [...shown, `${word}: ${paths.length - SHOWN} more (--json has all)`];
}

function some(paths: readonly string[]): string {
  const more = paths.length - 3;
  return `${paths.slice(0, 3).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function counted({ files, bytes }: Count): string {
  return `${files} files (${readableSize(bytes)})`;
}

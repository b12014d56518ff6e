import type { TreeReport } from "../explain/explain-tree.ts";
import type { ReaderView } from "../simplestreams/tree/explain.ts";
import { counted, drawTree } from "./draw-tree.ts";
import type { ExplainOptions } from "./explain-options.ts";
import { explanationJson } from "./explanation-json.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { byRule, ruleLines, type RuleFindings } from "./print-findings.ts";
import { nameLines } from "./print-name.ts";
import { serverLines } from "./print-server-facts.ts";
import { readerNames } from "./reader-names.ts";
import { type Style, styleOf } from "./style.ts";
import { proseWidth } from "./wrap.ts";

/** Prints what was found, for a person or as JSON. With `--quiet` nothing but errors and warnings. */
export function printReport(io: Io, options: ExplainOptions, report: TreeReport): void {
  if (options.json === true) {
    io.stdout.write(jsonText(explanationJson(report)));
    return;
  }
  const style = styleOf(io);
  const isQuiet = options.quiet === true;
  const about = report.name === undefined ? viewLines(report, style) : nameLines(report, report.name, style);
  const found = byRule(report.findings, report.explanation.more).filter(
    ({ level }) => !isQuiet || level !== "note",
  );
  const showing = { style, all: options.all === true, width: proseWidth(io.stdout) };
  const lines = [
    ...(isQuiet ? [] : [...about, ""]),
    ...found.flatMap((one) => [...ruleLines(one, showing), ""]),
    ...(isQuiet ? [] : [summary(report, found), ...nextLines(report, options)]),
  ];
  io.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

function viewLines(report: TreeReport, { bold }: Style): string[] {
  const groups = new Map<string, string[]>();
  for (const view of report.explanation.readers) {
    const what = report.answered ? whatItLists(view) : "not known";
    groups.set(what, [...(groups.get(what) ?? []), view.reader]);
  }
  const rows = [...groups].map(([what, readers]) => [readerNames(readers), what] as const);
  const width = Math.max(...rows.map(([readers]) => readers.length));
  return [
    ...drawTree(report),
    "",
    ...(report.server === undefined ? [] : [...serverLines(report.server, bold), ""]),
    bold("What each client lists"),
    ...rows.map(([readers, what]) => `  ${readers.padEnd(width)}  ${what}`),
  ];
}

function whatItLists({ reader, lists, refuses, byChance }: ReaderView): string {
  if (refuses) return "nothing: the whole tree is refused";
  if (byChance) return `${counted(lists, "image")}, and by chance others`;
  if (lists === 0) return "nothing";
  return counted(lists, reader === "sstream" ? "item" : reader === "lxc" ? "build" : "image");
}

function summary({ name, answered }: TreeReport, found: readonly RuleFindings[]): string {
  if (found.length === 0) {
    if (!answered) return "There is no answer.";
    return name?.kind === "nothing" ? "There is nothing of that name." : "Nothing to say against it.";
  }
  const count = (level: RuleFindings["level"]) =>
    found
      .filter((one) => one.level === level)
      .reduce((sum, { places, more }) => sum + places.length + more, 0);
  const levels = [
    counted(count("error"), "error"),
    counted(count("warning"), "warning"),
    counted(count("note"), "note"),
  ];
  return `${levels.join(", ")}.`;
}

/** What was not looked at, and how to have it looked at. */
function nextLines({ kind, files, name }: TreeReport, { fetch, files: wantsAll }: ExplainOptions): string[] {
  if (files.length === 0) return [];
  const some = name === undefined && kind === "server" && wantsAll !== true;
  const looked = `${counted(new Set(files.map(({ path }) => path)).size, "file")} ${fetch === true ? "fetched" : "looked for"}`;
  const left = [
    ...(some ? ["--files takes all that are listed"] : []),
    ...(fetch === true ? [] : ["--fetch compares hashes too"]),
  ];
  return [`${looked}${left.length === 0 ? "" : `; ${left.join(", ")}`}.`];
}

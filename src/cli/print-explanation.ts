import type { TreeReport } from "../explain/explain-tree.ts";
import { type Rule } from "../simplestreams/rules/rule.ts";
import { type RuleId, rules } from "../simplestreams/rules/rules.ts";
import type { ReaderView } from "../simplestreams/tree/explain.ts";
import type { TreeFinding } from "../simplestreams/tree/findings.ts";
import { counted, drawTree } from "./draw-tree.ts";
import type { ExplainCommandOptions } from "./explain-where.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { explanationJson } from "./explanation-json.ts";
import { nameLines } from "./print-name.ts";
import { readerNames } from "./reader-names.ts";
import { serverLines } from "./print-server-facts.ts";
import { type Style, styleOf } from "./style.ts";
import { visible } from "./visible.ts";

/** Places of one rule that are shown without `--all`. */
const FEW = { error: 3, warning: 3, note: 1 } as const;

/** Prints what was found, for a person or as JSON. With `--quiet` nothing but errors and warnings. */
export function printReport(io: Io, options: ExplainCommandOptions, report: TreeReport): void {
  if (options.json === true) {
    io.stdout.write(jsonText(explanationJson(report)));
    return;
  }
  const style = styleOf(io);
  const isQuiet = options.quiet === true;
  const about = report.name === undefined ? viewLines(report, style) : nameLines(report, report.name, style);
  const findings = isQuiet ? report.findings.filter(({ level }) => level !== "note") : report.findings;
  const lines = [
    ...(isQuiet ? [] : [...about, ""]),
    ...findingLines(findings, { style, all: options.all === true, more: report.explanation.more }),
    ...(isQuiet ? [] : [summary(report)]),
  ];
  io.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

function viewLines(report: TreeReport, { bold }: Style): string[] {
  const groups = new Map<string, string[]>();
  for (const view of report.explanation.readers) {
    const what = whatItLists(view);
    groups.set(what, [...(groups.get(what) ?? []), view.reader]);
  }
  const rows = [...groups].map(([what, readers]) => [readerNames(readers), what] as const);
  const width = Math.max(...rows.map(([readers]) => readers.length));
  return [
    ...drawTree(report),
    "",
    ...(report.server === undefined ? [] : [...serverLines(report.server, bold), ""]),
    ...rows.map(([readers, what]) => `${bold(readers.padEnd(width))}  ${what}`),
  ];
}

function whatItLists({ reader, lists, refuses, byChance }: ReaderView): string {
  if (refuses) return "refuses the whole tree";
  if (byChance) return `lists ${counted(lists, "image")}, and by chance others`;
  if (lists === 0) return "lists nothing";
  return `lists ${counted(lists, reader === "sstream" ? "item" : reader === "lxc" ? "build" : "image")}`;
}

interface Showing {
  readonly style: Style;
  readonly all: boolean;
  readonly more: ReadonlyMap<RuleId, number>;
}

function findingLines(findings: readonly TreeFinding[], showing: Showing): string[] {
  const byRule = new Map<RuleId, TreeFinding[]>();
  for (const found of findings) {
    const known = byRule.get(found.rule);
    if (known === undefined) byRule.set(found.rule, [found]);
    else known.push(found);
  }
  return [...byRule].flatMap(([id, found]) => ruleLines(id, found, showing).concat(""));
}

function ruleLines(id: RuleId, found: readonly TreeFinding[], { style, all, more }: Showing): string[] {
  const rule: Rule = rules[id];
  const shown = all ? found : found.slice(0, FEW[rule.level]);
  const hidden = found.length - shown.length + (more.get(id) ?? 0);
  const readers = [...new Set(found.flatMap((one) => one.readers))];
  return [
    `${levelWord(rule.level, style)} ${style.bold(id)}: ${rule.text}.`,
    ...shown.flatMap((one) => [`  ${placeLine(one)}`, `      ${visible(one.reason)}`]),
    ...(hidden > 0 ? [`  and ${counted(hidden, "more place")}${all ? "" : " (--all shows them)"}`] : []),
    `  For:    ${readerNames(readers)}`,
    `  Shows:  ${rule.symptom}.`,
    `  Mend:   ${rule.mend}.`,
    style.faint(`  Source: ${rule.source}`),
  ];
}

function levelWord(level: Rule["level"], { bold, red, yellow }: Style): string {
  if (level === "error") return bold(red("error"));
  return level === "warning" ? bold(yellow("warning")) : "note";
}

function placeLine({ document, place }: TreeFinding): string {
  return visible(place === "" ? document : `${document}: ${place}`);
}

function summary({ findings }: TreeReport): string {
  const count = (level: TreeFinding["level"]) => findings.filter((one) => one.level === level).length;
  if (findings.length === 0) return "Nothing to say against it.";
  const levels = [
    counted(count("error"), "error"),
    counted(count("warning"), "warning"),
    counted(count("note"), "note"),
  ];
  return `${levels.join(", ")}.`;
}

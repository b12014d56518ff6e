import type { Amount } from "../intake/sync/amount.ts";
import type { SyncFailure, SyncReport } from "../intake/sync/sync-report.ts";
import { HeadwaterError } from "../error.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

const SHOWN = 10;

/** What a sync did, or with `dryRun` would do, for a person. */
export function reportLines(report: SyncReport, dryRun: boolean): string {
  const lines = [`${report.stream}: ${headline(report, dryRun)}`];
  if (dryRun || report.published !== undefined) {
    const [come, go, stay] = dryRun ? ["would come", "would go", "would stay"] : ["came", "went", "stayed"];
    lines.push(`  ${come.padEnd(11)} ${amountText(report.come)}`);
    lines.push(`  ${go.padEnd(11)} ${amountText(report.go)}`);
    lines.push(`  ${stay.padEnd(11)} ${amountText(report.stay)}`);
  }
  lines.push(...some(report.failures.map(failureText), "failed"));
  lines.push(
    ...some(
      report.oddities.map((oddity) => `  odd: ${oddity}`),
      "odd",
    ),
  );
  lines.push(...hiddenText(report));
  return lines.map((line) => `${visible(line)}\n`).join("");
}

/** The same for a program. */
export function reportData(report: SyncReport, dryRun: boolean): object {
  return {
    stream: report.stream,
    dryRun,
    generation: report.published ?? null,
    unchanged: report.isUnchanged,
    older: report.isOlder,
    come: report.come,
    go: report.go,
    stay: report.stay,
    fetched: report.fetched,
    failures: report.failures.map(({ product, version, path, error }) => ({
      product,
      version,
      path,
      message: messageOf(error),
    })),
    oddities: report.oddities,
    hiddenAliases: report.hiddenAliases,
  };
}

function headline(
  { isOlder, isUnchanged, published, fetched, failures }: SyncReport,
  dryRun: boolean,
): string {
  if (isOlder)
    return "the upstream shows an older state than before; nothing is changed until that has lasted";
  if (dryRun) return isUnchanged ? "nothing new" : "this is what a sync would do";
  const some_ = failures.length === 0 ? "" : `, ${failures.length} problems`;
  if (published === undefined) return `nothing new${some_}`;
  return `published generation ${published}, ${readableSize(fetched)} downloaded${some_}`;
}

function amountText({ images, files, bytes }: Amount): string {
  return `${images} images, ${files} files, ${readableSize(bytes)}`;
}

function failureText({ product, version, error }: SyncFailure): string {
  return `  failed: ${product} ${version}: ${messageOf(error)}`;
}

/** Aliases that clients do not get from here, and what to do about it. */
export function hiddenText({
  stream,
  hiddenAliases,
}: Pick<SyncReport, "stream" | "hiddenAliases">): string[] {
  const [first] = hiddenAliases;
  if (first === undefined) return [];
  const names = [...new Set(hiddenAliases.map(({ alias }) => alias))];
  const shown = names.slice(0, SHOWN).join(", ");
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
  return [
    `  Aliases that an earlier image stream (${first.owner}) has, and clients do not get from ${stream}: ${shown}${more}.`,
    `  With a prefix they get them beside: headwater upstream set ${stream} --alias-prefix ${stream}/`,
  ];
}

function some(lines: readonly string[], what: string): string[] {
  if (lines.length <= SHOWN) return [...lines];
  return [...lines.slice(0, SHOWN), `  ${what}: ${lines.length - SHOWN} more, see --json`];
}

function messageOf(error: unknown): string {
  return error instanceof HeadwaterError || error instanceof Error ? error.message : String(error);
}

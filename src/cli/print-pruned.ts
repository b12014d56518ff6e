import type { JudgedVersion, Retained } from "../curate/retain.ts";
import { pinName } from "../store/pins.ts";
import type { BlobCount, PruneReport } from "../store/prune.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

export interface PrunedFacts {
  readonly store: Store;
  readonly now: number;
  readonly graceMs: number;
  readonly dryRun: boolean;
  readonly retained: Retained;
  readonly pruned: PruneReport;
  /** What only older generations list, and when the last of them that no pin keeps is given up. */
  readonly waiting: { readonly bytes: number; readonly until: string };
}

/** What went, why, and how much room that makes when; and what stays although no rule keeps it. */
export function printPruned(io: Io, options: GlobalOptions, facts: PrunedFacts): void {
  const { store, dryRun, retained, pruned, waiting } = facts;
  const { goes, kept, pinnedGenerations, unusedRules, generation } = retained;
  if (options.json === true) {
    const { dropped, retired, restored, deleted, abandoned, published } = pruned;
    io.stdout.write(
      jsonText({
        store: store.name,
        generation: published ?? generation?.number ?? null,
        dryRun,
        goes: goes.map((one) => goneJson(one, freedAtOf(facts))),
        kept: kept.map(keptJson),
        pinnedGenerations,
        unusedRules,
        dropped,
        retired,
        restored,
        deleted,
        abandoned,
        waiting,
      }),
    );
    return;
  }
  if (options.quiet === true) return;
  const lines = [...retentionLines(facts), ...spaceLines(facts)];
  const shown = lines.length === 0 ? ["Nothing to prune."] : lines;
  io.stdout.write(shown.map((line) => `${visible(line)}\n`).join(""));
}

function jsonOf({ stream, place, against, supersededMs }: JudgedVersion) {
  return {
    stream,
    product: place.productName,
    version: place.versionName,
    because: against ?? null,
    supersededAt: supersededMs === undefined ? null : new Date(supersededMs).toISOString(),
  };
}

function goneJson(one: Retained["goes"][number], freedAt: string) {
  return { ...jsonOf(one), bytes: one.bytes, freed: one.freed, freedAt };
}

function keptJson(one: JudgedVersion) {
  return { ...jsonOf(one), by: one.stays, pin: one.pin === undefined ? null : pinName(one.pin) };
}

/** The generation that lists them is complete until then. */
function freedAtOf({ now, graceMs }: PrunedFacts): string {
  return new Date(now + graceMs).toISOString();
}

function retentionLines(facts: PrunedFacts): string[] {
  const { dryRun, retained } = facts;
  const { goes, kept, pinnedGenerations, unusedRules } = retained;
  const verb = dryRun ? "Would go" : "Went";
  const bytes = goes.reduce((sum, one) => sum + one.freed, 0);
  return [
    ...unusedRules,
    ...goes.map((one) => `${verb}: ${named(one)}, ${readableSize(one.bytes)}: ${whyOf(one)}`),
    ...(goes.length === 0
      ? []
      : [
          `${counted(goes.length, "version")} off the lists, which frees ${readableSize(bytes)}: their files stay until ${minute(freedAtOf(facts))}, when the grace period is over; the first prune after that puts them aside, the next one deletes them.`,
        ]),
    ...kept.map((one) => `Kept, though no rule keeps it: ${named(one)}: ${keptBy(one)}`),
    ...(pinnedGenerations.length === 0
      ? []
      : [`Kept complete by pins: ${pinnedGenerations.map((number) => `@${number}`).join(", ")}`]),
  ];
}

function named({ stream, place }: JudgedVersion): string {
  return `${stream} ${place.productName} ${place.versionName}`;
}

function whyOf({ against, supersededMs = 0 }: JudgedVersion): string {
  const since = `superseded on ${new Date(supersededMs).toISOString().slice(0, 10)}`;
  return against === "size" ? `${since}, and over the size` : `${since}, and no rule keeps it`;
}

function keptBy({ stays, pin }: JudgedVersion): string {
  if (stays !== "pin" || pin === undefined) return "a delta needs it as its base";
  const note = pin.note === undefined ? "" : ` (${pin.note})`;
  return pin.kind === "alias"
    ? `pinned with the alias ${pin.alias}${note}`
    : `pinned as ${pinName(pin)}${note}`;
}

function spaceLines({ dryRun, pruned, waiting }: PrunedFacts): string[] {
  const { dropped, retired, restored, deleted, abandoned } = pruned;
  const would = dryRun ? "Would be: " : "";
  const lines = [
    [dropped.length, `${would}${dropped.length} old generations given up`],
    [deleted.blobs, `${would}${files(deleted)} deleted`],
    [retired.blobs, `${would}${files(retired)} put aside; the next prune deletes them`],
    [restored.blobs, `${would}${files(restored)} taken back into use`],
    [
      abandoned.writers,
      `${readableSize(abandoned.bytes)} removed that ${abandoned.writers} dead writers had left`,
    ],
    [
      waiting.bytes,
      `${readableSize(waiting.bytes)} are in older generations only, which are kept until ${minute(waiting.until)}`,
    ],
  ] as const;
  return lines.filter(([count]) => count > 0).map(([, line]) => line);
}

function files({ blobs, bytes }: BlobCount): string {
  return `${blobs} files (${readableSize(bytes)})`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function minute(moment: string): string {
  return `${moment.slice(0, 16).replace("T", " ")} UTC`;
}

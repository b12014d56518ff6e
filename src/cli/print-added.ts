import type { Added } from "../intake/files/add-files.ts";
import type { Imported } from "../intake/files/import-tree.ts";
import type { Generation } from "../store/generation.ts";
import { clientViewLines, clientViews } from "./client-views.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { visible } from "./visible.ts";

/** Daemons keep index and products file for up to an hour each (both projects, shared/simplestreams); command lines less. */
const CACHED_MS = 60 * 60 * 1000;

export interface AddedToStore {
  /** What a person would call it. */
  readonly store: string;
  readonly added: Added;
  readonly dryRun: boolean;
}

/** What was added, what each client sees of it, and from when. */
export function printAdded(io: Io, options: GlobalOptions, { store, added, dryRun }: AddedToStore): void {
  const { listed, generation, ignored } = added;
  const { status, product, version, fingerprints, aliases } = listed;
  const notes = [...added.notes, ...hiddenNotes(generation, fingerprints)];
  const clients = clientViews(listed.products, product, version);
  const seenBy = generation === undefined ? undefined : seenEverywhere(generation.createdAt);
  if (options.json === true) {
    const facts = { status, product, version, fingerprints, aliases, clients, notes, ignored };
    io.stdout.write(
      jsonText({
        store,
        generation: generation?.number ?? null,
        dryRun,
        ...facts,
        seenEverywhereBy: seenBy?.toISOString() ?? null,
      }),
    );
    return;
  }
  const lines = [
    `${dryRun ? "Would be: " : ""}${HEADLINES[status]} ${product} ${version}`,
    ...fingerprints.map((fingerprint) => `  ${fingerprint}`),
    `  launch it as ${aliases.join(", ")}`,
    "Clients list it as:",
    ...clientViewLines(clients),
    ...notes.map((note) => `Note: ${note}`),
    ...(ignored.length === 0 ? [] : [`Passed over: ${ignored.join(", ")}`]),
    ...(seenBy === undefined
      ? []
      : [`Daemons cache lists for up to an hour: all clients see it by ${minuteOf(seenBy)}.`]),
  ];
  if (options.quiet !== true) io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

/** What the published generation keeps out of the merged root, with the reason. */
function hiddenNotes(generation: Generation | undefined, fingerprints: readonly string[]): string[] {
  const hidden = generation?.streams.flatMap((stream) => stream.hidden) ?? [];
  return hidden
    .filter(({ fingerprint }) => fingerprints.includes(fingerprint))
    .map(({ fingerprint, reason }) => `${fingerprint.slice(0, 12)} is not in the merged root: ${reason}.`);
}

const HEADLINES = {
  added: "Added",
  updated: "Updated names of",
  moved: "Moved to",
  unchanged: "Nothing to do, these bytes are listed already:",
} as const;

export interface ImportedToStore {
  /** What a person would call it. */
  readonly store: string;
  readonly imported: Imported;
  readonly dryRun: boolean;
}

/** What came of a whole tree: a line per build, and what was left out and why. */
export function printImported(
  io: Io,
  options: GlobalOptions,
  { store, imported, dryRun }: ImportedToStore,
): void {
  const { generation, listed, skipped } = imported;
  if (options.json === true) {
    const builds = listed.map(({ status, product, version, fingerprints, aliases, notes }) => ({
      status,
      product,
      version,
      fingerprints,
      aliases,
      notes,
    }));
    io.stdout.write(jsonText({ store, generation: generation?.number ?? null, dryRun, builds, skipped }));
    return;
  }
  const warnings = skipped.map(
    ({ product, version, reason }) => `left out: ${product} ${version}: ${reason}`,
  );
  io.stderr.write(warnings.map((line) => `${visible(line)}\n`).join(""));
  if (options.quiet === true) return;
  const lines = [
    ...listed.flatMap(({ status, product, version, fingerprints, notes }) => [
      `${dryRun ? "Would be: " : ""}${HEADLINES[status]} ${product} ${version}`,
      ...[...notes, ...hiddenNotes(generation, fingerprints)].map((note) => `  Note: ${note}`),
    ]),
    `${listed.length} builds taken, ${skipped.length} left out.`,
    ...(generation === undefined
      ? []
      : [`All clients see them by ${minuteOf(seenEverywhere(generation.createdAt))}.`]),
  ];
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

/** When the last cache that was filled just before has run out. */
function seenEverywhere(publishedAt: string): Date {
  return new Date(Date.parse(publishedAt) + CACHED_MS);
}

/** `2026-11-23 02:14 UTC` */
function minuteOf(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

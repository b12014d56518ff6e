import type { InstanceType } from "../simplestreams/ftypes.ts";
import type { ProductsFile } from "../simplestreams/products.ts";
import { type AliasChange, aliasChanges } from "./alias-changes.ts";
import { type ImageRow, imageRows } from "./image-rows.ts";
import type { ImageStream } from "./image-stream.ts";

/** What one generation lists, for comparing. */
export interface ComparedListing {
  readonly streams: readonly ImageStream[];
  /** The merged root as clients got it; undefined when nothing was listed. */
  readonly merged: ProductsFile | undefined;
  /** What the merged root leaves out. */
  readonly hidden: readonly HiddenImage[];
}

/** What differs between two listings. Part of `--json`, like everything in it. */
export interface Differences {
  readonly added: readonly ComparedImage[];
  readonly removed: readonly ComparedImage[];
  /** The same bytes under another product or version. */
  readonly renamed: readonly { readonly from: ComparedImage; readonly to: ComparedImage }[];
  /** The same image, described otherwise. */
  readonly changed: readonly (ComparedImage & { readonly fields: readonly FieldChange[] })[];
  readonly aliases: readonly AliasChange[];
  /** Images that the merged root leaves out since, and those it no longer leaves out. */
  readonly hidden: readonly HiddenImage[];
  readonly shown: readonly HiddenImage[];
  /** Images of caches whose files came here since, and those whose files were let go. */
  readonly cameHere: readonly ComparedImage[];
  readonly letGo: readonly ComparedImage[];
  readonly files: {
    /** Files that only the later or only the earlier one lists, each once. */
    readonly added: FileCount;
    readonly removed: FileCount;
    /** All that each of them lists. */
    readonly before: FileCount;
    readonly after: FileCount;
  };
}

export interface ComparedImage {
  readonly stream: string;
  readonly product: string;
  readonly version: string;
  readonly fingerprint: string;
  readonly type: InstanceType;
  readonly arch: string;
  /** Bytes that a client downloads. */
  readonly size: number;
}

export interface FieldChange {
  readonly field: string;
  readonly from: string;
  readonly to: string;
}

export interface HiddenImage {
  readonly stream: string;
  readonly product: string;
  readonly fingerprint: string;
  readonly reason: string;
}

export interface FileCount {
  readonly files: number;
  readonly bytes: number;
}

/** Compares what two generations list, in the order of the later one, and for what is gone of the earlier one. */
export function differences(before: ComparedListing, after: ComparedListing): Differences {
  const earlier = rowsByPlace(before.streams);
  const later = rowsByPlace(after.streams);
  const only = (rows: ReadonlyMap<string, ImageRow>, others: ReadonlyMap<string, ImageRow>): ImageRow[] =>
    [...rows].filter(([place]) => !others.has(place)).map(([, row]) => row);
  const { added, removed, renamed } = paired(only(later, earlier), only(earlier, later));
  const both = [...later].flatMap(([place, to]) => {
    const from = earlier.get(place);
    return from === undefined ? [] : [{ from, to }];
  });
  const hiddenBefore = new Set(before.hidden.map(hiddenPlace));
  const hiddenAfter = new Set(after.hidden.map(hiddenPlace));
  return {
    added: added.map(compared),
    removed: removed.map(compared),
    renamed: renamed.map(({ from, to }) => ({ from: compared(from), to: compared(to) })),
    changed: both
      .map(({ from, to }) => ({ ...compared(to), fields: fieldChanges(from, to) }))
      .filter(({ fields }) => fields.length > 0),
    aliases: aliasChanges(before.merged, after.merged),
    hidden: after.hidden.filter((image) => !hiddenBefore.has(hiddenPlace(image))),
    shown: before.hidden.filter((image) => !hiddenAfter.has(hiddenPlace(image))),
    cameHere: both.filter(({ from, to }) => !from.held && to.held).map(({ to }) => compared(to)),
    letGo: both.filter(({ from, to }) => from.held && !to.held).map(({ to }) => compared(to)),
    files: fileChanges(earlier, later),
  };
}

/** Whether there is any difference. */
export function isSame({ files: _files, ...lists }: Differences): boolean {
  return Object.values(lists).every((list) => list.length === 0);
}

function rowsByPlace(streams: readonly ImageStream[]): Map<string, ImageRow> {
  return new Map(imageRows(streams).map((row) => [placeOf(row), row]));
}

/** Names come from outside and may hold anything but a line feed, which no client would take. */
function placeOf({ stream, product, version, fingerprint, root }: ImageRow): string {
  return [stream, product, version, fingerprint, root].join("\n");
}

function hiddenPlace({ stream, product, fingerprint, reason }: HiddenImage): string {
  return [stream, product, fingerprint, reason].join("\n");
}

/** What is gone in one place and has come in another with the same bytes was given another name. */
function paired(
  added: readonly ImageRow[],
  removed: readonly ImageRow[],
): {
  readonly added: readonly ImageRow[];
  readonly removed: readonly ImageRow[];
  readonly renamed: readonly { readonly from: ImageRow; readonly to: ImageRow }[];
} {
  const gone = new Map<string, ImageRow[]>();
  for (const row of removed) gone.set(bytesOf(row), [...(gone.get(bytesOf(row)) ?? []), row]);
  const left = new Set(removed);
  const come: ImageRow[] = [];
  const renamed: { from: ImageRow; to: ImageRow }[] = [];
  for (const to of added) {
    const from = gone.get(bytesOf(to))?.shift();
    if (from === undefined) come.push(to);
    else {
      left.delete(from);
      renamed.push({ from, to });
    }
  }
  return { added: come, removed: removed.filter((row) => left.has(row)), renamed };
}

function bytesOf({ fingerprint, root }: ImageRow): string {
  return `${fingerprint} ${root}`;
}

function compared({ stream, product, version, fingerprint, type, arch, size }: ImageRow): ComparedImage {
  return { stream, product, version, fingerprint, type, arch, size };
}

function fieldChanges(from: ImageRow, to: ImageRow): FieldChange[] {
  const earlier = fieldsOf(from);
  const later = fieldsOf(to);
  return [...new Set([...earlier.keys(), ...later.keys()])].flatMap((field) => {
    const change = { field, from: earlier.get(field) ?? "", to: later.get(field) ?? "" };
    return change.from === change.to ? [] : [change];
  });
}

/** What clients show of an image, and launch it by, besides its aliases. */
function fieldsOf(row: ImageRow): ReadonlyMap<string, string> {
  const { os, release, variant, arch, title, label, dialects, requirements } = row;
  return new Map([
    ...Object.entries({ os, release, variant, arch, title, label, dialects: dialects.toSorted().join(" ") }),
    ...Object.entries(requirements).map(([name, value]): [string, string] => [`requirements.${name}`, value]),
  ]);
}

function fileChanges(
  earlier: ReadonlyMap<string, ImageRow>,
  later: ReadonlyMap<string, ImageRow>,
): Differences["files"] {
  const before = filesOf(earlier);
  const after = filesOf(later);
  const only = (files: ReadonlyMap<string, number>, others: ReadonlyMap<string, number>): FileCount =>
    counted([...files].filter(([sha256]) => !others.has(sha256)));
  return {
    added: only(after, before),
    removed: only(before, after),
    before: counted([...before]),
    after: counted([...after]),
  };
}

/** Size by SHA-256: images share files. */
function filesOf(rows: ReadonlyMap<string, ImageRow>): Map<string, number> {
  return new Map(
    [...rows.values()].flatMap(({ files, deltas }) =>
      [...files, ...deltas].map(({ sha256, size }): [string, number] => [sha256, size]),
    ),
  );
}

function counted(files: readonly (readonly [string, number])[]): FileCount {
  return { files: files.length, bytes: files.reduce((sum, [, size]) => sum + size, 0) };
}

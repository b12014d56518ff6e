import { HeadwaterError } from "../../error.ts";
import type { BlobFiles } from "../../store/blob-files.ts";
import type { Store } from "../../store/store.ts";
import { chooseGeneration } from "./choose-generation.ts";
import type { ExportOptions } from "./export-options.ts";
import { carryOut, type Ends, type Outcome, type Planned } from "./export-run.ts";
import { withTreeLock } from "./lock.ts";
import { leftSince, planOf } from "./plan.ts";
import { refuseAnotherTree, refuseNested, refuseOthersFiles } from "./refusals.ts";
import { Target } from "./target.ts";
import { type RecordedFile, ownerOf, readRecord } from "./tree-record.ts";
import { type NotHeld, type Wanted, wantedOf } from "./wanted.ts";

export interface Count {
  readonly files: number;
  readonly bytes: number;
}

export interface ExportReport {
  readonly folder: string;
  readonly generation: number;
  /** Image files that the tree lists. */
  readonly listed: Count;
  /** Image files that were not there, or not right. */
  readonly come: Count;
  /** Of these: bytes that were copied, and files that share the store's blocks or are the store's own. */
  readonly copiedBytes: number;
  readonly sharedFiles: number;
  /** Lists and sums that were written. */
  readonly written: Count;
  /** What nothing lists any more: removed now; and still there, for those who have an older list. */
  readonly removed: Count;
  readonly leaving: Count;
  /** When the first of these may be removed: RFC 3339, UTC. */
  readonly leavesAt: string | null;
  readonly notHeld: readonly NotHeld[];
  readonly unplaceable: readonly string[];
  readonly omitted: readonly string[];
}

const TRIES = 5;

/**
 * Brings a tree of files for any web server to the state of a generation, in place; what left the lists stays for the grace period, counted
 * from when the new index was there. Only files that exports wrote are ever removed. One run at a time for a folder: others get TARGET_BUSY.
 */
export async function exportTree(
  store: Store,
  blobFiles: BlobFiles,
  { folder, ...options }: ExportOptions & { readonly folder: string },
): Promise<ExportReport> {
  const ends = { store, blobFiles, target: await usableTarget(blobFiles, folder, options) };
  // Whatever forbids the first export is found before there is a folder.
  if ((await readRecord(ends.target)) === undefined) await prepare(ends, options);
  await ends.target.make();
  return withTreeLock(ends.target, async () => {
    await ends.target.removeUnfinished();
    for (let attempt = 1; ; attempt++) {
      const newest = await store.newest();
      try {
        const ready = await prepare(ends, options);
        return reportOf(ends.target, ready, { ...options, outcome: await carryOut(ends, ready, options) });
      } catch (error) {
        // The room they take may be what is missing. Should it fail, the next run does it.
        await ends.target.removeUnfinished().catch(() => undefined);
        // What a list named may be given up while it is copied: then again with what is newest now.
        const overtaken = error instanceof HeadwaterError && error.code === "BLOB_MISSING";
        if (!overtaken || attempt === TRIES || (await store.newest())?.id === newest?.id) throw error;
      }
    }
  });
}

/** What `exportTree` would do. Changes nothing. */
export async function tryExport(
  store: Store,
  blobFiles: BlobFiles,
  { folder, ...options }: ExportOptions & { readonly folder: string },
): Promise<ExportReport> {
  const target = await usableTarget(blobFiles, folder, options);
  return reportOf(target, await prepare({ store, blobFiles, target }, options), options);
}

async function usableTarget(blobFiles: BlobFiles, folder: string, { force }: ExportOptions): Promise<Target> {
  const target = await Target.at(folder);
  await refuseNested(target, blobFiles.folder);
  if (!force) await refuseOthersFiles(target);
  return target;
}

interface Ready extends Planned {
  readonly wanted: Wanted;
}

async function prepare({ store, target }: Ends, options: ExportOptions): Promise<Ready> {
  const generation = await chooseGeneration(store, options);
  const before = await readRecord(target);
  const owner = await ownerOf(store, options.stream);
  if (!options.force) refuseAnotherTree(target, before, owner);
  const wanted = await wantedOf(store, generation, { stream: options.stream, target, record: before });
  const head = { ...owner, generation: generation.number, signedBy: wanted.signedBy };
  // A tree that is there is emptied; a new one would be a web server's mistake for an hour.
  if (wanted.files.size === 0 && before === undefined) throw nothingToExport(store, wanted);
  return { wanted, before, head, plan: await planOf(target, wanted, { ...options, record: before }) };
}

function reportOf(
  target: Target,
  { wanted, plan, head }: Ready,
  { graceMs, now, outcome }: ExportOptions & { readonly outcome?: Outcome },
): ExportReport {
  const nowMs = now();
  const leavesAt = (file: RecordedFile): number => leftSince(file, nowMs) + graceMs;
  const left = [...plan.left.values()];
  const removed = outcome?.removed ?? left.filter((file) => leavesAt(file) <= nowMs);
  const leaving = outcome?.leaving ?? left.filter((file) => leavesAt(file) > nowMs);
  const next = Math.min(...leaving.map(leavesAt));
  return {
    folder: target.root,
    generation: head.generation,
    listed: count([...wanted.files.values()].filter(({ stage }) => stage === "item")),
    come: count(plan.items.map(({ file }) => file)),
    copiedBytes: outcome?.copiedBytes ?? 0,
    sharedFiles: outcome?.sharedFiles ?? 0,
    written: count(plan.texts.map(({ file }) => file)),
    removed: count(removed),
    leaving: count(leaving),
    leavesAt: leaving.length === 0 ? null : new Date(next).toISOString(),
    notHeld: wanted.notHeld,
    unplaceable: wanted.unplaceable,
    omitted: wanted.omitted,
  };
}

function count(files: readonly { readonly size: number }[]): Count {
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

function nothingToExport(store: Store, { notHeld }: Wanted): HeadwaterError {
  return new HeadwaterError("NOT_FOUND", `there is nothing in ${store.name} that a tree could list`, {
    hint:
      notHeld.length === 0
        ? "Add an image first: headwater add --help"
        : "All that is listed is at upstreams. Make one a mirror: headwater upstream set --help",
  });
}

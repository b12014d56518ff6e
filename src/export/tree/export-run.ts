import type { Store } from "../../store/store.ts";
import { Bringer, type Brought } from "./bring.ts";
import type { ExportOptions } from "./export-options.ts";
import type { Compared } from "./compare.ts";
import { leftSince, type Plan, recorded } from "./plan.ts";
import { severalAtOnce } from "../../store/several-at-once.ts";
import { AT_ONCE, type Target } from "./target.ts";
import { type RecordedFile, type TreeRecord, writeRecord } from "./tree-record.ts";
import type { BlobFiles } from "../../store/blob-files.ts";

export interface Ends {
  readonly store: Store;
  readonly blobFiles: BlobFiles;
  readonly target: Target;
}

/** What is to become of a tree, and what was known of it. */
export interface Planned {
  readonly plan: Plan;
  readonly before: TreeRecord | undefined;
  /** Of whom and of which generation the tree will be. */
  readonly head: Omit<TreeRecord, "files">;
}

export interface Outcome {
  readonly copiedBytes: number;
  readonly sharedFiles: number;
  readonly removed: readonly RecordedFile[];
  readonly leaving: readonly RecordedFile[];
}

/**
 * Carries a plan out. Every file that a list in the tree names is there at every moment: items come before lists, lists before indexes,
 * each by one rename, and folders are synced between, so that a power cut keeps the order as a kill does.
 */
export async function carryOut(ends: Ends, planned: Planned, options: ExportOptions): Promise<Outcome> {
  const { target } = ends;
  const { plan, before, head } = planned;
  const bringer = bringerFor(ends, plan, options);
  const files = new Map([...(before?.files ?? []), ...plan.intended]);
  const note = (): Promise<void> => writeRecord(target, { ...head, files });
  // Noted before it is done: what a kill leaves behind is known to be ours, and what is listed again is not removed.
  if (!sameFiles(files, before?.files)) await note();
  const work: Work = {
    plan,
    options,
    bringer,
    target,
    name: async ({ path, file }, { temporary, modifiedMs }) => {
      await target.name(temporary, path);
      files.set(path, recorded(file, modifiedMs));
    },
  };
  const replacing = await bringItems(work);
  // All are written before the first one gets its name: a full disk leaves the lists as they were, and the files that they fit.
  const texts = await bringTexts(work);
  for (const [wanted, brought] of replacing) await work.name(wanted, brought);
  await target.sync();
  for (const stage of ["sums", "lists", "index"]) {
    for (const wanted of plan.texts) {
      const brought = texts.get(wanted);
      if (wanted.file.stage === stage && brought !== undefined) await work.name(wanted, brought);
    }
    await target.sync();
  }
  for (const path of plan.goneAtOnce) {
    await target.remove(path);
    files.delete(path);
  }
  await target.sync();
  const removed = await removeDue(target, files, { plan, options });
  if (before?.generation !== head.generation || !sameFiles(files, before.files)) await note();
  return {
    copiedBytes: bringer.copiedBytes,
    sharedFiles: bringer.sharedFiles,
    removed,
    leaving: [...files.values()].filter(({ leftAt }) => leftAt !== null),
  };
}

interface Work {
  readonly plan: Plan;
  readonly options: ExportOptions;
  readonly bringer: Bringer;
  readonly target: Target;
  /** Gives a file its name, and notes its time, which tells later whether somebody changed it. */
  readonly name: (wanted: Compared, brought: Brought) => Promise<void>;
}

function bringerFor(ends: Ends, plan: Plan, { link, signal, onProgress }: ExportOptions): Bringer {
  const of = plan.items.reduce((sum, { file }) => sum + file.size, 0);
  let bytes = 0;
  return new Bringer({
    ...ends,
    link,
    signal,
    onBytes: (more) => {
      bytes += more;
      onProgress?.({ bytes, of });
    },
  });
}

/** New files get their names at once: nothing names them yet. Returns those that have other bytes behind a known path. */
async function bringItems({ plan, options, bringer, target, name }: Work): Promise<Map<Compared, Brought>> {
  const replacing = new Map<Compared, Brought>();
  await severalAtOnce(plan.items, AT_ONCE, async (wanted) => {
    options.signal?.throwIfAborted();
    const brought = await bringer.bring(wanted.file);
    if (wanted.state === "new") await name(wanted, brought);
    else replacing.set(wanted, brought);
  });
  await target.sync();
  return replacing;
}

async function bringTexts({ plan, options, bringer }: Work): Promise<Map<Compared, Brought>> {
  const ready = new Map<Compared, Brought>();
  await severalAtOnce(plan.texts, AT_ONCE, async (wanted) => {
    options.signal?.throwIfAborted();
    ready.set(wanted, await bringer.bring(wanted.file));
  });
  return ready;
}

/** The index in place lists none of these: from now on their grace runs. */
async function removeDue(
  target: Target,
  files: Map<string, RecordedFile>,
  { plan, options }: Pick<Work, "plan" | "options">,
): Promise<RecordedFile[]> {
  const nowMs = options.now();
  const removed: RecordedFile[] = [];
  for (const [path, file] of plan.left) {
    const sinceMs = leftSince(file, nowMs);
    if (nowMs - sinceMs < options.graceMs) {
      files.set(path, { ...file, leftAt: new Date(sinceMs).toISOString() });
      continue;
    }
    if (await target.remove(path)) removed.push(file);
    files.delete(path);
  }
  await target.sync();
  return removed;
}

function sameFiles(
  files: ReadonlyMap<string, RecordedFile>,
  others: ReadonlyMap<string, RecordedFile> | undefined,
): boolean {
  if (files.size !== others?.size) return false;
  for (const [path, file] of files) {
    const other = others.get(path);
    if (other === undefined || !sameFile(file, other)) return false;
  }
  return true;
}

function sameFile(one: RecordedFile, other: RecordedFile): boolean {
  return (
    one.sha256 === other.sha256 &&
    one.size === other.size &&
    one.isIndex === other.isIndex &&
    one.modifiedMs === other.modifiedMs &&
    one.leftAt === other.leftAt
  );
}

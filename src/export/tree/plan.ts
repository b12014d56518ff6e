import { type Compared, compare, refuseForeign } from "./compare.ts";
import { severalAtOnce } from "../../store/several-at-once.ts";
import { AT_ONCE, type Target } from "./target.ts";
import type { RecordedFile, TreeRecord } from "./tree-record.ts";
import type { Wanted, WantedFile } from "./wanted.ts";

/** What is to be done to a tree. */
export interface Plan {
  /** Items that are not there, or with other bytes. */
  readonly items: readonly Compared[];
  /** Lists and sums that are not there, or say something else. */
  readonly texts: readonly Compared[];
  /** Every wanted file as it is noted before anything is written. */
  readonly intended: ReadonlyMap<string, RecordedFile>;
  /** Files that exports wrote and nothing lists any more. */
  readonly left: ReadonlyMap<string, RecordedFile>;
  /** Files that must not stay: an index whose files may go, and a signature or a compressed copy that its list no longer has. */
  readonly goneAtOnce: readonly string[];
}

export interface PlanOptions {
  readonly record: TreeRecord | undefined;
  /** Files of others may be replaced. */
  readonly force: boolean;
  /** Also what has the size and the time that were noted. */
  readonly readsAll?: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Looks at every place once; reads only what may have been changed. Throws TARGET_UNUSABLE for what is in the way. */
export async function planOf(
  target: Target,
  { files }: Wanted,
  { record, force, readsAll = false, signal }: PlanOptions,
): Promise<Plan> {
  const found = new Map<string, Compared>();
  await severalAtOnce([...files], AT_ONCE, async ([path, file]) => {
    signal?.throwIfAborted();
    found.set(path, await compare(target, path, { file, recorded: record?.files.get(path), readsAll }));
  });
  // A list, its signatures and its compressed copy get their names one after the other.
  const compared = [...files.keys()].toSorted().flatMap((path) => found.get(path) ?? []);
  if (!force) refuseForeign(target, compared);
  const missing = compared.filter(({ state }) => state !== "same");
  const left = [...(record?.files ?? [])].filter(([path]) => !files.has(path));
  const staysForGrace = ([path, { isIndex }]: readonly [string, RecordedFile]): boolean =>
    !isIndex && !isBesideList(path, files);
  return {
    items: missing.filter(({ file }) => file.stage === "item"),
    texts: missing.filter(({ file }) => file.stage !== "item"),
    intended: new Map(compared.map(({ path, file, modifiedMs }) => [path, recorded(file, modifiedMs)])),
    left: new Map(left.filter(staysForGrace)),
    goneAtOnce: left.filter((file) => !staysForGrace(file)).map(([path]) => path),
  };
}

/** What was made of a list's bytes, which are others now. A signature of an item stays right: the item stays what it is. */
function isBesideList(path: string, files: ReadonlyMap<string, WantedFile>): boolean {
  const made = /\.(?:gz|gpg|asc)$/.exec(path);
  const stage = made === null ? undefined : files.get(path.slice(0, made.index))?.stage;
  return stage === "lists" || stage === "index";
}

export function recorded({ sha256, size, stage }: WantedFile, modifiedMs: number | null): RecordedFile {
  return { sha256, size, isIndex: stage === "index", modifiedMs, leftAt: null };
}

/** Since when nothing lists a file. A clock that was ahead once does not shorten its grace: it runs from now on then. */
export function leftSince({ leftAt }: RecordedFile, nowMs: number): number {
  return leftAt === null ? nowMs : Math.min(Date.parse(leftAt), nowMs);
}

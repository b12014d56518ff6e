import { HeadwaterError } from "../error.ts";
import { sizesOf } from "./blob-sizes.ts";
import { commit, type Draft } from "./commit.ts";
import type { Generation } from "./generation.ts";
import { type NamedBlobs, namedBlobs, namesAnyOf } from "./named-blobs.ts";
import { type Keeps, numbersOf, withNumber, without } from "./keeps.ts";
import { pinnedGenerations, readPins } from "./pins.ts";
import { LEFTOVER_LIFETIME_MS } from "./leftovers.ts";
import type { RetiredBlob, Sha256, Store } from "./store.ts";

export interface PruneOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How long a generation stays complete after the next one was created, if no pin keeps it; 24 hours unless told. */
  readonly graceMs?: number;
  /** Generations to give up whatever their age. What the newest lists is never given up. */
  readonly dropGenerations?: (generation: Generation) => boolean;
  /** Say what would go, change nothing. */
  readonly dryRun?: boolean;
  /** Free the space at once: a second round deletes what the first put aside. Otherwise the next prune does. */
  readonly freeNow?: boolean;
}

export interface PruneReport {
  /** The last generation that prune published; undefined when nothing had to go, and with `dryRun`. */
  readonly published: number | undefined;
  /** Generations that are no longer complete. */
  readonly dropped: readonly number[];
  /** Put aside: readable until the next prune deletes them. */
  readonly retired: BlobCount;
  readonly restored: BlobCount;
  readonly deleted: BlobCount;
  /** What dead writers had left in `incoming/`. */
  readonly abandoned: { readonly writers: number; readonly bytes: number };
}

export interface BlobCount {
  readonly blobs: number;
  readonly bytes: number;
}

/** Daemons cache index and products file for an hour each, separately; a day leaves room for a night's work. */
export const DEFAULT_GRACE_MS = 24 * 60 * 60 * 1000;
/** Two do it; a writer that was asleep may bring a blob back once more. */
const PURGE_ROUNDS = 4;

/**
 * Makes room. Publishes first: with fewer generations in `keeps`, under a number that every writer at work then finds
 * taken, so that it looks at the store again before it names anything. Only then do blobs move: out of use when no kept
 * generation names them; off the disk when they were out of use before this generation and are still unnamed.
 */
export async function prune(store: Store, options: PruneOptions): Promise<PruneReport> {
  const { dryRun = false } = options;
  const abandoned = dryRun ? { writers: 0, bytes: 0 } : await store.removeAbandoned(LEFTOVER_LIFETIME_MS);
  const first = await round(store, options);
  if (dryRun || options.freeNow !== true || first.retired.blobs === 0) return { ...first, abandoned };
  const second = await round(store, options);
  return {
    published: second.published ?? first.published,
    dropped: [...first.dropped, ...second.dropped],
    retired: { blobs: 0, bytes: 0 },
    restored: sum(first.restored, second.restored),
    deleted: sum(first.deleted, second.deleted),
    abandoned,
  };
}

export interface PurgeReport {
  /** Generations that named the blobs and are no longer complete. */
  readonly gone: readonly number[];
  /** Blobs whose bytes are off the disk. */
  readonly deleted: readonly Sha256[];
  /** Blobs that somebody listed again meanwhile: they stay. */
  readonly listed: readonly Sha256[];
}

/**
 * Gets leaked bytes off the disk, after the caller has published a generation that does not list them: out of every kept
 * generation, out of what writers have staged, then two rounds as prune does them. A writer that counted on these bytes
 * loses the race for its generation, looks again, and fails.
 */
export async function purge(
  store: Store,
  sha256s: readonly Sha256[],
  options: { readonly now: number },
): Promise<PurgeReport> {
  const unwanted = new Set(sha256s);
  const gone: number[] = [];
  let left: readonly Sha256[] = sha256s;
  for (let rounds = 0; rounds < PURGE_ROUNDS && left.length > 0; rounds++) {
    for (const sha256 of unwanted) await store.forgetStaged(sha256);
    gone.push(...(await round(store, { ...options, graceMs: Number.POSITIVE_INFINITY, unwanted })).dropped);
    left = await present(store, sha256s);
  }
  return { gone, listed: left, deleted: sha256s.filter((sha256) => !left.includes(sha256)) };
}

async function present(store: Store, sha256s: readonly Sha256[]): Promise<Sha256[]> {
  const found: Sha256[] = [];
  for (const sha256 of sha256s) if ((await store.sizeOf(sha256)) !== undefined) found.push(sha256);
  return found;
}

type RoundOptions = Omit<PruneOptions, "freeNow"> & { readonly unwanted?: ReadonlySet<Sha256> };
type Round = Omit<PruneReport, "abandoned">;

async function round(store: Store, options: RoundOptions): Promise<Round> {
  let plan: Plan = NOTHING;
  const published = await publishing(store, () =>
    commit(
      store,
      undefined,
      async (base) => {
        plan = base === undefined ? NOTHING : await makePlan(store, base, options);
        return base === undefined || options.dryRun === true ? undefined : draftOf(base, plan);
      },
      { freesSpace: true, now: () => options.now },
    ),
  );
  const report = {
    published: published?.number,
    dropped: plan.dropped,
    retired: await weigh(store, plan.retire),
    restored: total(plan.restore),
    deleted: total(plan.remove),
  };
  if (options.dryRun !== true) await carryOut(store, plan, published);
  return report;
}

interface Plan {
  readonly keeps: Keeps;
  readonly dropped: readonly number[];
  readonly remove: readonly RetiredBlob[];
  readonly restore: readonly RetiredBlob[];
  readonly retire: readonly Sha256[];
  /** Whether there is anything to publish for. */
  readonly worthwhile: boolean;
}

const NOTHING: Plan = { keeps: [], dropped: [], remove: [], restore: [], retire: [], worthwhile: false };

/**
 * Looks at the trash before anything is published: what is put aside later (by another prune that was asleep, say) may be
 * named by a writer that builds on this prune's generation, and is left to the next prune.
 */
async function makePlan(store: Store, base: Generation, options: RoundOptions): Promise<Plan> {
  const trash = await store.retiredBlobs();
  if (trash.length === 0 && (await listsAll(store, base, options))) return NOTHING;
  const { kept, asked } = await keptGenerations(store, base, options);
  const named: NamedBlobs = await namedBlobs(store, [base, ...kept]);
  const live = await store.liveBlobs();
  // Or a second copy: seen live after it was seen here, and nobody puts it here again.
  const remove = trash.filter(({ sha256 }) => !named.has(sha256) || live.has(sha256));
  const retire = Array.from(live).filter((sha256) => !named.has(sha256));
  const restore = trash.filter(({ sha256 }) => named.has(sha256) && !live.has(sha256));
  // Giving up a generation that shares all its blobs frees nothing; an idle store must not publish for that day after day.
  if (remove.length + retire.length === 0 && !asked) return { ...NOTHING, restore };
  const all = withNumber(base.keeps, base.number);
  const numbers = new Set(kept.map((generation) => generation.number));
  return {
    keeps: without(all, (number) => !numbers.has(number)),
    dropped: Array.from(numbersOf(all)).filter((number) => !numbers.has(number)),
    remove,
    restore,
    retire,
    worthwhile: true,
  };
}

/** Whether nothing can go, told from the newest generation alone: so an idle store is looked through quickly. */
async function listsAll(store: Store, base: Generation, options: RoundOptions): Promise<boolean> {
  if (options.unwanted !== undefined || options.dropGenerations !== undefined) return false;
  const named = await namedBlobs(store, [base]);
  return Array.from(await store.liveBlobs()).every((sha256) => named.has(sha256));
}

interface Kept {
  /** Those of the base's kept generations, and the base itself, that stay complete. */
  readonly kept: readonly Generation[];
  /** Whether one goes because the caller asked for it, and not for its age. */
  readonly asked: boolean;
}

async function keptGenerations(store: Store, base: Generation, options: RoundOptions): Promise<Kept> {
  const { now, graceMs = DEFAULT_GRACE_MS, dropGenerations = () => false, unwanted } = options;
  const isPinned = await pinnedIn(store, base);
  const kept: Generation[] = [];
  let asked = false;
  let older = false;
  let next: Generation | undefined;
  for (const number of Array.from(numbersOf(withNumber(base.keeps, base.number))).reverse()) {
    const generation = number === base.number ? base : await store.generation(number);
    if (generation === undefined) continue;
    if (next?.number !== number + 1) next = await store.generation(number + 1);
    const supersededAt = number === base.number || next === undefined ? now : Date.parse(next.createdAt);
    // Times only grow, also after a clock that was ahead: then nothing is old for long, and a grace of nothing still means now.
    const ageMs = Math.max(0, now - supersededAt);
    next = generation;
    const drop: boolean =
      older ||
      dropGenerations(generation) ||
      (unwanted !== undefined && (await namesAnyOf(store, generation, unwanted)));
    asked ||= drop;
    // What older ones name of a cache depends on what this one says was evicted.
    older ||= drop && generation.streams.some(({ origin }) => origin === "cache");
    if (!drop && (ageMs < graceMs || isPinned(number))) kept.push(generation);
  }
  return { kept, asked };
}

/** With pins that cannot be read every generation counts as pinned: nothing goes by mistake, and `verify --repair` mends it. */
async function pinnedIn(store: Store, base: Generation): Promise<(number: number) => boolean> {
  try {
    const pinned = pinnedGenerations(await readPins(store, base));
    return (number) => pinned.has(number);
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    return () => true;
  }
}

function draftOf(base: Generation, plan: Plan): Draft | undefined {
  if (!plan.worthwhile) return undefined;
  return {
    reason: { verb: "prune", text: describe(plan) },
    rules: base.rules,
    streams: base.streams,
    documents: base.documents,
    keeps: plan.keeps,
    blobs: "as base",
  };
}

function describe({ dropped, remove, retire }: Plan): string {
  return `${dropped.length} generations given up, ${retire.length} blobs put aside, ${remove.length} deleted`;
}

async function carryOut(store: Store, plan: Plan, published: Generation | undefined): Promise<void> {
  if (published !== undefined) for (const blob of plan.remove) await store.deleteRetired(blob);
  for (const { sha256 } of plan.restore) await store.restore(sha256);
  if (published !== undefined) for (const sha256 of plan.retire) await store.retire(sha256, published.number);
}

async function publishing<T>(store: Store, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HeadwaterError && error.code === "STORE_FULL")) throw error;
    throw new HeadwaterError(
      "STORE_FULL",
      `Prune publishes before it deletes, and the disk has no room even for that (a few kilobytes) in ${store.name}.`,
      { hint: "Delete something else on this file system, then prune again.", cause: error },
    );
  }
}

async function weigh(store: Store, blobs: readonly Sha256[]): Promise<BlobCount> {
  const sizes = await sizesOf(store, blobs);
  return { blobs: blobs.length, bytes: [...sizes.values()].reduce((bytes, size) => bytes + size, 0) };
}

function total(blobs: readonly RetiredBlob[]): BlobCount {
  return { blobs: blobs.length, bytes: blobs.reduce((bytes, blob) => bytes + blob.size, 0) };
}

function sum(one: BlobCount, other: BlobCount): BlobCount {
  return { blobs: one.blobs + other.blobs, bytes: one.bytes + other.bytes };
}

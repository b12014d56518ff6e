import { randomBytes } from "node:crypto";

import { HeadwaterError } from "../error.ts";
import type { DocumentRecord, Generation, GenerationRange, Reason, StreamRecord } from "./generation.ts";
import { FORMAT } from "./generation.ts";
import type { JsonBlob } from "./json-blob.ts";
import { intersection, withNumber } from "./keeps.ts";
import type { Sha256, Store, StoreWriter } from "./store.ts";

/** What a writer wants the next generation to be. */
export interface Draft {
  readonly reason: Reason;
  readonly rules: number;
  readonly streams: readonly StreamRecord[];
  readonly documents: Readonly<Record<string, DocumentRecord>>;
  /** Left out: everything the parent kept, and the parent. Never more than that. */
  readonly keeps?: readonly GenerationRange[];
  /** Left out: the parent's. `"none"`: no pins are left. */
  readonly pins?: JsonBlob | "none";
  /**
   * Every blob the generation names besides its documents: staged by this writer, or to be found in the store.
   * `"as base"`: streams and documents are the base's own, so nothing new is named (prune, which must work in a damaged store).
   * `added`: the base's own, and these.
   */
  readonly blobs: Iterable<Sha256> | "as base" | { readonly added: Iterable<Sha256> };
}

/** Makes the draft on top of `base`; asked again with the winner after a lost race. Undefined: nothing to do. */
export type Build = (base: Generation | undefined) => Promise<Draft | undefined> | Draft | undefined;

export interface CommitOptions {
  /** What is published leads to space being freed: may use the reserve on a full disk. */
  readonly freesSpace?: boolean;
  /** For tests. */
  readonly now?: () => number;
  readonly wait?: (ms: number) => Promise<void>;
}

/** Each round one writer wins, so this is how many others may be at work. */
const TRIES = 250;
const LONGEST_WAIT_MS = 500;

/**
 * The one way in which generations appear: read the base, build on it, place and confirm the blobs, create if absent; after a
 * lost race again on top of the winner. The order is what keeps promises: prune publishes before it moves anything, so a writer
 * whose blobs were put aside behind its back has lost the race as well, and confirms again. Returns what was published.
 */
export async function commit(
  store: Store,
  writer: StoreWriter | undefined,
  build: Build,
  options: CommitOptions = {},
): Promise<Generation | undefined> {
  const { now = Date.now, wait = sleep, freesSpace = false } = options;
  const placed = new Set<Sha256>();
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const base = await store.newest();
    refuseNewerFormat(store, base);
    try {
      const draft = await build(base);
      if (draft === undefined) return undefined;
      refuseNewerRules(store, base, draft);
      const named = newlyNamed(draft);
      if (named !== undefined) await place(store, writer, { named, placed });
      const next = successor(base, draft, now());
      if (await store.createIfAbsent(next, { freesSpace })) return next;
    } catch (error) {
      if (!(await isOvertaken(store, base, error))) throw error;
    }
    await wait(Math.random() * Math.min(LONGEST_WAIT_MS, 2 ** Math.min(attempt, 10)));
  }
  throw new HeadwaterError(
    "STORE_BUSY",
    `Other writers were faster ${TRIES} times in a row; nothing was published in ${store.name}.`,
    { hint: "See what else writes to this store, then try again." },
  );
}

/** What the base promised may be gone once it has been superseded and given up: that is a lost race, not damage. */
async function isOvertaken(store: Store, base: Generation | undefined, error: unknown): Promise<boolean> {
  if (!(error instanceof HeadwaterError && error.code === "BLOB_MISSING")) return false;
  return (await store.newest())?.number !== base?.number;
}

/** Fills in what every generation has. */
export function successor(base: Generation | undefined, draft: Draft, now: number): Generation {
  const parentTime = base === undefined ? Number.NEGATIVE_INFINITY : Date.parse(base.createdAt);
  const pins = draft.pins === undefined ? base?.pins : draft.pins;
  const inherited = base === undefined ? [] : withNumber(base.keeps, base.number);
  return {
    format: FORMAT,
    rules: draft.rules,
    id: randomBytes(16).toString("hex"),
    number: (base?.number ?? 0) + 1,
    parent: base?.number ?? 0,
    createdAt: new Date(Math.max(now, parentTime + 1)).toISOString(),
    reason: draft.reason,
    keeps: draft.keeps === undefined ? inherited : intersection(inherited, draft.keeps),
    streams: draft.streams,
    documents: draft.documents,
    ...(pins === undefined || pins === "none" ? {} : { pins }),
  };
}

/** What has to be confirmed before the draft may name it; undefined for nothing. What the base names besides was confirmed for the base. */
function newlyNamed(draft: Draft): Set<Sha256> | undefined {
  if (draft.blobs === "as base") return undefined;
  if ("added" in draft.blobs) return new Set(draft.blobs.added);
  const named = new Set(draft.blobs);
  for (const document of Object.values(draft.documents)) named.add(document.sha256);
  return named;
}

async function place(
  store: Store,
  writer: StoreWriter | undefined,
  blobs: { readonly named: ReadonlySet<Sha256>; readonly placed: Set<Sha256> },
): Promise<void> {
  if (writer !== undefined) {
    const fresh = Array.from(blobs.named).filter((sha256) => writer.has(sha256) && !blobs.placed.has(sha256));
    if (fresh.length > 0) await writer.place(fresh);
    for (const sha256 of fresh) blobs.placed.add(sha256);
  }
  await confirm(store, writer, blobs.named);
}

/** Afterwards every one of these blobs is live, or was a moment ago and is only put aside: no prune deletes it any more. */
async function confirm(
  store: Store,
  writer: StoreWriter | undefined,
  named: ReadonlySet<Sha256>,
): Promise<void> {
  const live = await store.liveBlobs();
  for (const sha256 of named) {
    if (live.has(sha256) || (await store.restore(sha256))) continue;
    if (writer?.has(sha256) !== true) throw missing(store, sha256);
    await writer.place([sha256]);
  }
}

function refuseNewerFormat(store: Store, base: Generation | undefined): void {
  if (base === undefined || base.format <= FORMAT) return;
  throw new HeadwaterError(
    "STORE_NEWER",
    `${store.name} was last written by a newer Headwater: its format is ${base.format}, this program writes ${FORMAT}.`,
    { hint: "Upgrade this program." },
  );
}

function refuseNewerRules(store: Store, base: Generation | undefined, draft: Draft): void {
  if (base === undefined || base.rules <= draft.rules) return;
  throw new HeadwaterError(
    "STORE_NEWER",
    `${store.name} was last written by a newer Headwater: its rules are ${base.rules}, this program renders ${draft.rules}.`,
    { hint: "Upgrade this program.", details: { found: base.rules, supported: draft.rules } },
  );
}

function missing(store: Store, sha256: Sha256): HeadwaterError {
  return new HeadwaterError(
    "BLOB_MISSING",
    `Blob ${sha256} is listed, and its bytes are not in ${store.name}.`,
    {
      hint: "`headwater verify --repair` takes damaged images off the lists; then add them again.",
      details: { sha256 },
    },
  );
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

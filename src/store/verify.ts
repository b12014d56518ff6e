import { createHash, type Hash } from "node:crypto";

import { HeadwaterError } from "../error.ts";
import { readBlob } from "./documents.ts";
import {
  type ExpectedBlob,
  type ExpectedFingerprint,
  type Expectations,
  expectationsOf,
  type Listing,
} from "./expectations.ts";
import type { Generation } from "./generation.ts";
import { numbersOf } from "./keeps.ts";
import { listsOf, namedBlobs } from "./named-blobs.ts";
import type { BlobReader, Sha256, Store } from "./store.ts";

export interface VerifyOptions {
  readonly onProgress?: (progress: { readonly bytes: number; readonly of: number }) => void;
}

export interface VerifyReport {
  readonly blobs: number;
  readonly bytes: number;
  readonly damaged: readonly Damage[];
  /** Kept generations that name something damaged: a repair gives them up. */
  readonly brokenGenerations: readonly number[];
  /** The newest generation that was looked at; 0 when there is none. */
  readonly newest: number;
  /** Live, and named by no kept generation: the next prune puts them aside. */
  readonly extra: readonly Sha256[];
}

export interface Damage {
  readonly kind: "missing" | "wrong size" | "wrong bytes" | "wrong fingerprint" | "unreadable";
  readonly sha256: Sha256;
  readonly expected: string;
  readonly found: string;
  /** Where the newest generation that names it does so. */
  readonly listed: readonly Listing[];
}

const BUFFER_BYTES = 1024 * 1024;

/** Reads every blob that a kept generation names, two at a time, and compares sizes, hashes and fingerprints. */
export async function verify(store: Store, options: VerifyOptions = {}): Promise<VerifyReport> {
  const kept = await keptGenerations(store);
  const expectations = await expectationsOf(store, kept);
  const found = new Map<Sha256, Damage[]>();
  const report = (damage: Damage): void => {
    found.set(damage.sha256, [...(found.get(damage.sha256) ?? []), damage]);
  };
  const bytes = await hashAll(store, expectations, { report, ...options });
  for (const { record, error } of expectations.unreadable) {
    if (!found.has(record.sha256)) report(unreadable(record.sha256, error, expectations));
  }
  const live = await store.liveBlobs();
  const { named, ...still } = await stillDamaged(store, kept, found);
  return {
    blobs: expectations.blobs.size,
    bytes,
    ...still,
    extra: Array.from(live).filter((sha256) => !expectations.blobs.has(sha256) && !named.has(sha256)),
  };
}

/**
 * Puts damaged bytes where nobody finds them, after a generation has been published that does not list them. Returns
 * where. The right bytes can be added again.
 */
export async function quarantineDamaged(store: Store, damaged: readonly Damage[]): Promise<string[]> {
  const wrong = damaged.filter(({ kind }) => kind === "wrong bytes" || kind === "wrong size");
  const places: string[] = [];
  for (const sha256 of new Set(wrong.map((damage) => damage.sha256))) {
    const place = await store.quarantine(sha256);
    if (place !== undefined) places.push(place);
  }
  return places;
}

/** Newest first. */
async function keptGenerations(store: Store): Promise<Generation[]> {
  const newest = await store.newest();
  if (newest === undefined) return [];
  const kept = [newest];
  for (const number of Array.from(numbersOf(newest.keeps)).reverse()) {
    const generation = await store.generation(number);
    if (generation !== undefined) kept.push(generation);
  }
  return kept;
}

interface Reporting extends VerifyOptions {
  readonly report: (damage: Damage) => void;
}

async function hashAll(store: Store, expectations: Expectations, options: Reporting): Promise<number> {
  const of = Array.from(expectations.blobs.values()).reduce((sum, blob) => sum + blob.size, 0);
  let bytes = 0;
  const onBytes = (count: number): void => {
    bytes += count;
    options.onProgress?.({ bytes, of });
  };
  const queue = expectations.blobs.entries();
  const hand = async (): Promise<void> => {
    const buffer = new Uint8Array(BUFFER_BYTES);
    for (const [sha256, blob] of queue) {
      const pairs = expectations.fingerprints.get(sha256) ?? [];
      await checkBlob(store, { sha256, blob, pairs, buffer, onBytes, report: options.report });
    }
  };
  await Promise.all([hand(), hand()]);
  return bytes;
}

interface Check {
  readonly sha256: Sha256;
  readonly blob: ExpectedBlob;
  readonly pairs: readonly ExpectedFingerprint[];
  readonly buffer: Uint8Array;
  readonly onBytes: (count: number) => void;
  readonly report: (damage: Damage) => void;
}

async function checkBlob(store: Store, check: Check): Promise<void> {
  const { sha256, blob } = check;
  const damage = { sha256, listed: blob.listed };
  try {
    const reader = await store.open(sha256);
    if (reader === undefined) {
      check.report({ ...damage, kind: "missing", expected: `${blob.size} bytes`, found: "nothing" });
      return;
    }
    try {
      await compare(store, reader, check);
    } finally {
      await reader.close();
    }
  } catch (error) {
    // One file that the disk cannot read must not end the look at all others.
    check.report({ ...damage, kind: "unreadable", expected: `${blob.size} bytes`, found: messageOf(error) });
  }
}

/** Each byte is read once: the image's own hash and the fingerprints that cover it grow together. */
async function compare(store: Store, reader: BlobReader, check: Check): Promise<void> {
  const { sha256, blob, report } = check;
  const damage = { sha256, listed: blob.listed };
  const own = createHash("sha256");
  const combined = await startFingerprints(store, check.pairs);
  const hashes = [own, ...combined.map(({ hash }) => hash)];
  const size = await feed(reader, hashes, check);
  if (size !== blob.size) {
    report({ ...damage, kind: "wrong size", expected: `${blob.size} bytes`, found: `${size} bytes` });
    return;
  }
  const found = own.digest("hex");
  if (found !== sha256) {
    report({ ...damage, kind: "wrong bytes", expected: sha256, found });
    return;
  }
  for (const { hash, pair } of combined) {
    const fingerprint = hash.digest("hex");
    if (fingerprint === pair.fingerprint) continue;
    const listed = [pair.listed];
    report({ kind: "wrong fingerprint", sha256, listed, expected: pair.fingerprint, found: fingerprint });
  }
}

async function feed(reader: BlobReader, hashes: readonly Hash[], check: Check): Promise<number> {
  let size = 0;
  for (;;) {
    const count = await reader.read(check.buffer, size);
    if (count === 0) return size;
    size += count;
    for (const hash of hashes) hash.update(check.buffer.subarray(0, count));
    check.onBytes(count);
  }
}

/** SHA-256 of metadata followed by root. Metadata is small; where it is missing, that is told about the metadata itself. */
async function startFingerprints(
  store: Store,
  pairs: readonly ExpectedFingerprint[],
): Promise<{ readonly hash: Hash; readonly pair: ExpectedFingerprint }[]> {
  const started: { hash: Hash; pair: ExpectedFingerprint }[] = [];
  for (const pair of pairs) {
    if ((await store.sizeOf(pair.metadata)) === undefined) continue;
    started.push({ hash: createHash("sha256").update(await readBlob(store, pair.metadata)), pair });
  }
  return started;
}

/** Prune may have been at work meanwhile: what no kept generation names any more is not missing. */
async function stillDamaged(
  store: Store,
  kept: readonly Generation[],
  found: ReadonlyMap<Sha256, readonly Damage[]>,
): Promise<Pick<VerifyReport, "damaged" | "brokenGenerations" | "newest"> & { named: ReadonlySet<Sha256> }> {
  const named = new Set<Sha256>();
  const brokenGenerations: number[] = [];
  const now = await keptGenerations(store);
  for (const generation of now) {
    // Only what is new, or what may be broken, has to be read again.
    if (found.size === 0 && kept.some(({ number }) => number === generation.number)) continue;
    const blobs = await namedOrDocuments(store, generation);
    for (const sha256 of blobs) named.add(sha256);
    if (Array.from(found.keys()).some((sha256) => blobs.has(sha256)))
      brokenGenerations.push(generation.number);
  }
  const damaged = Array.from(found.values())
    .flat()
    .filter(({ sha256 }) => named.has(sha256));
  return { damaged, brokenGenerations: brokenGenerations.reverse(), newest: now[0]?.number ?? 0, named };
}

/** A generation whose products file is damaged is broken by that document alone. */
async function namedOrDocuments(store: Store, generation: Generation): Promise<ReadonlySet<Sha256>> {
  try {
    return await namedBlobs(store, [generation]);
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    return new Set(listsOf(generation));
  }
}

function unreadable(sha256: Sha256, error: unknown, expectations: Expectations): Damage {
  const listed = expectations.blobs.get(sha256)?.listed ?? [];
  return { kind: "unreadable", sha256, listed, expected: "a products file", found: messageOf(error) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

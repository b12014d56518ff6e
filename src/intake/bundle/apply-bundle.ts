import type { BundleFile, BundleList } from "../../bundle/bundle-list.ts";
import { BundleReader } from "../../bundle/bundle-reader.ts";
import type { BundleSource } from "../../bundle/source.ts";
import { HeadwaterError } from "../../error.ts";
import { publish } from "../../publish/publish.ts";
import { stageRoot } from "../../publish/upstream-root.ts";
import { pinsForLeft } from "../../retention/pins-for-left.ts";
import { readStreams } from "../../publish/read-streams.ts";
import type { DocumentRecord, Generation } from "../../store/generation.ts";
import { readPins } from "../../store/pins.ts";
import type { Sha256, Store, StoreWriter } from "../../store/store.ts";
import type { ImageStream } from "../../views/image-stream.ts";
import { pairsIn } from "../cache/pairs.ts";
import { fingerprintsIn } from "../sync/plan.ts";
import { incomingOf } from "./incoming.ts";
import {
  areApplied,
  carriedStream,
  type Placed,
  placesOf,
  type Placing,
  withPlaced,
} from "./place-streams.ts";
import { type Destination, type Taken, takeFiles } from "./take-files.ts";
import { signerOf, type Trust } from "./trust.ts";

export interface ApplyOptions extends Placing, Omit<Trust, "now"> {
  /** Says what would be, having read the beginning of the bundle. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: { readonly bytes: number; readonly of: number }) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface AppliedStream {
  readonly name: string;
  /** What it is called where the bundle was made. */
  readonly from: string;
  /** Images. */
  readonly come: number;
  readonly go: number;
  readonly stay: number;
}

export interface ApplyReport {
  readonly id: string;
  readonly createdAt: string;
  /** The key that signed it; null: nobody asked. */
  readonly signedBy: string | null;
  /** The one that lists it all; null: nothing was published. */
  readonly generation: number | null;
  /** It had been applied before. */
  readonly isUnchanged: boolean;
  readonly streams: readonly AppliedStream[];
  /** Files that were brought, or would be. */
  readonly files: number;
  readonly bytes: number;
}

/** How far the clocks of two sites may be apart. */
const CLOCK_MS = 5 * 60_000;

/**
 * Takes a bundle: its signature, its age, its names and what it builds on are looked at before anything is copied, and every byte of it before one
 * generation lists all of it. Its image streams are then what the bundle says, and what it no longer lists goes from them. A run that was killed is
 * continued by the next one with the same bundle.
 */
export async function applyBundle(
  store: Store,
  source: BundleSource,
  options: ApplyOptions,
): Promise<ApplyReport> {
  const reader = await BundleReader.open(source);
  const { list } = reader;
  const newest = await store.newest();
  // A clock that was set back is behind what it has dated itself.
  const now = Math.max(options.now(), Date.parse(newest?.createdAt ?? "") || 0);
  const signedBy = await signerOf(reader.head, reader.name, { ...options, now });
  if (!options.force) refuseFuture(list, now);
  const documents = await reader.readDocuments();
  const incoming = incomingOf(list, documents, reader.name);
  const current = await readStreams(store, newest);
  const placed = placesOf(current, list, { ...options, incoming });
  const report = { id: list.id, createdAt: list.createdAt, signedBy: signedBy ?? null, generation: null };
  const streams = placed.map(changeOf);
  if (areApplied(placed, list) && !options.force)
    return { ...report, isUnchanged: true, streams, files: 0, bytes: 0 };
  await refuseMissing(store, reader);
  if (options.dryRun)
    return { ...report, isUnchanged: false, streams, ...(await missingInside(store, list)) };
  const { generation, taken } = await carryOut(store, reader, { options, placed, current });
  const { files, bytes } = taken;
  return { ...report, generation: generation?.number ?? null, isUnchanged: false, streams, files, bytes };
}

async function carryOut(
  store: Store,
  reader: BundleReader,
  what: {
    readonly options: ApplyOptions;
    readonly placed: readonly Placed[];
    readonly current: readonly ImageStream[];
  },
): Promise<{ readonly generation: Generation | undefined; readonly taken: Taken }> {
  const { options, placed, current } = what;
  const { signal, onProgress } = options;
  const { list } = reader;
  const writer = await store.writer(`bundle-${list.id.slice(0, 12)}`, { adopts: true });
  let mayClose = true;
  try {
    const known = fingerprintsIn(new Map(current.map(({ name, products }) => [name, products])));
    const pairs = placed.flatMap(({ incoming }) => pairsIn(incoming.listing));
    const fresh = pairs.filter(({ fingerprint }) => !known.has(fingerprint));
    const taken = await takeFiles(reader, storeOf(store, writer), { pairs: fresh, signal, onProgress });
    const generation = await publishPlaced(store, writer, { list, placed, options });
    return { generation, taken };
  } catch (error) {
    // Whoever stopped it may go on later; what is wrong, or has no room, is given up.
    mayClose = signal?.aborted !== true;
    throw error;
  } finally {
    if (mayClose) await writer.close();
  }
}

async function publishPlaced(
  store: Store,
  writer: StoreWriter,
  what: { readonly list: BundleList; readonly placed: readonly Placed[]; readonly options: ApplyOptions },
): Promise<Generation | undefined> {
  const { list, options } = what;
  const documents = new Map<string, ReadonlyMap<string, DocumentRecord>>();
  for (const { incoming } of what.placed)
    documents.set(incoming.stream.name, await stageRoot(writer, incoming.root.documents));
  const incoming = what.placed.map((one) => one.incoming);
  return publish(store, writer, async (now, base) => {
    // Looked at again: another bundle may have been applied meanwhile.
    const placed = placesOf(now, list, { ...options, incoming });
    const streams = withPlaced(now, { list, placed }, (one) =>
      carriedStream(one, list, documents.get(one.incoming.stream.name) ?? new Map()),
    );
    const text = `bundle ${list.id.slice(0, 12)} of ${list.createdAt.slice(0, 10)}: ${placed.map(({ name }) => name).join(", ")}`;
    // What a bundle no longer lists goes from here; what of it is pinned stays in the generation that lists it.
    const pins = pinsForLeft(now, streams, { base, pins: await readPins(store, base), why: text });
    return { reason: { verb: "bundle", text }, streams, ...(pins === undefined ? {} : { pins }) };
  });
}

/** What is live or put aside is not brought again: publishing confirms that it is there. */
function storeOf(store: Store, writer: StoreWriter): Destination {
  const isHere = ({ sha256, size }: BundleFile): Promise<boolean> => hasBlob(store, { sha256, size });
  return {
    wants: async (file) => !writer.has(file.sha256) && !(await isHere(file)),
    create: () => writer.create(),
    open: async (sha256) => (writer.has(sha256) ? writer.open(sha256) : store.open(sha256)),
  };
}

async function hasBlob(
  store: Store,
  { sha256, size }: { readonly sha256: Sha256; readonly size: number },
): Promise<boolean> {
  return (await store.sizeOf(sha256)) === size;
}

function changeOf({ incoming, name, before }: Placed): AppliedStream {
  const after = fingerprintsIn(incoming.listing);
  const known = before === undefined ? new Set<string>() : fingerprintsIn(new Map([["", before.products]]));
  const stay = [...after].filter((fingerprint) => known.has(fingerprint)).length;
  return { name, from: incoming.stream.name, come: after.size - stay, go: known.size - stay, stay };
}

async function missingInside(
  store: Store,
  list: BundleList,
): Promise<{ readonly files: number; readonly bytes: number }> {
  let [files, bytes] = [0, 0];
  for (const file of list.files) {
    if (file.base !== undefined || file.link !== undefined || (await hasBlob(store, file))) continue;
    files += 1;
    bytes += file.size;
  }
  return { files, bytes };
}

/** Everything that earlier bundles should have brought, in one list. */
async function refuseMissing(store: Store, reader: BundleReader): Promise<void> {
  const { files, bases } = reader.list;
  const missing: BundleFile[] = [];
  for (const file of files) if (file.base !== undefined && !(await hasBlob(store, file))) missing.push(file);
  if (missing.length === 0) return;
  const ids = new Set(missing.map(({ base }) => base));
  const needed = bases
    .filter(({ id }) => ids.has(id))
    .map(({ id, createdAt }) => `${id.slice(0, 12)} of ${createdAt}`);
  const shown = missing.slice(0, 10).map(({ path }) => path);
  const more = missing.length > shown.length ? ` and ${missing.length - shown.length} more` : "";
  throw new HeadwaterError(
    "BUNDLE_INCOMPLETE",
    `${reader.name} is an increment, and ${missing.length} files that it builds on are not in ${store.name}: ${shown.join(", ")}${more}.`,
    {
      hint: `Apply first the bundle ${needed.join(", and the bundle ")}; or carry one that was made without --since. Of one that is older than what has been applied --force brings the files back.`,
      details: { missing: missing.map(({ path }) => path), bases: [...ids].filter((id) => id !== undefined) },
    },
  );
}

function refuseFuture({ createdAt }: BundleList, now: number): void {
  if (Date.parse(createdAt) <= now + CLOCK_MS) return;
  throw new HeadwaterError(
    "BUNDLE_UNTIMELY",
    `The bundle was made at ${createdAt}, and here it is ${new Date(now).toISOString()}: one of the two clocks is wrong.`,
    { hint: "Set the clock of this machine; --force takes the bundle all the same.", details: { createdAt } },
  );
}

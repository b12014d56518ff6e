import type { BundleList } from "../../bundle/bundle-list.ts";
import { BundleReader } from "../../bundle/bundle-reader.ts";
import type { BundleSource } from "../../bundle/source.ts";
import { HeadwaterError } from "../../error.ts";
import { publish } from "../../publish/publish.ts";
import { pinsForLeft } from "../../retention/pins-for-left.ts";
import { readPins } from "../../store/pins.ts";
import { readStreams } from "../../publish/read-streams.ts";
import type { RetentionPolicy } from "../../retention/policy.ts";
import type { Generation } from "../../store/generation.ts";
import type { Store, StoreWriter } from "../../store/store.ts";
import type { ImageStream } from "../../views/image-stream.ts";
import { pairsIn } from "../cache/pairs.ts";
import { fingerprintsIn } from "../sync/plan.ts";
import { type Incoming, incomingOf } from "./incoming.ts";
import { Needed } from "./needed.ts";
import { areApplied, placesOf, type Placing, withPlaced } from "./place-streams.ts";
import { carriedStream, type PlannedStream, planStreams } from "./plan-streams.ts";
import { type Destination, type Taken, takeFiles } from "./take-files.ts";
import { signerOf, type Trust } from "./trust.ts";

export interface ApplyOptions extends Placing, Omit<Trust, "now"> {
  /** What is kept here. */
  readonly retention: RetentionPolicy;
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
  const planned = await planStreams(store, newest, { placed, retention: options.retention, now });
  const report = { id: list.id, createdAt: list.createdAt, signedBy: signedBy ?? null, generation: null };
  const streams = planned.map(changeOf);
  // Something of it may have been taken off the lists since, by a repair.
  const isAllHere = planned.every(({ plan }) => plan.come.files === 0);
  if (areApplied(placed, list) && isAllHere && !options.force)
    return { ...report, isUnchanged: true, streams, files: 0, bytes: 0 };
  const needed = new Needed(store, planned);
  await needed.refuseMissing(reader);
  if (options.dryRun) return { ...report, isUnchanged: false, streams, ...(await needed.inside(list)) };
  const { generation, taken } = await carryOut(store, reader, { options, planned, current, needed });
  const { files, bytes } = taken;
  return { ...report, generation: generation?.number ?? null, isUnchanged: false, streams, files, bytes };
}

async function carryOut(
  store: Store,
  reader: BundleReader,
  what: {
    readonly options: ApplyOptions;
    readonly planned: readonly PlannedStream[];
    readonly current: readonly ImageStream[];
    readonly needed: Needed;
  },
): Promise<{ readonly generation: Generation | undefined; readonly taken: Taken }> {
  const { options, planned, current, needed } = what;
  const { signal, onProgress } = options;
  const { list } = reader;
  const writer = await store.writer(`bundle-${list.id.slice(0, 12)}`, { adopts: true });
  let mayClose = true;
  try {
    const known = fingerprintsIn(new Map(current.map(({ name, products }) => [name, products])));
    const pairs = planned.flatMap(({ plan }) => pairsIn(plan.listing));
    const fresh = pairs.filter(({ fingerprint }) => !known.has(fingerprint));
    const destination: Destination = {
      wants: async (file) => !writer.has(file.sha256) && (await needed.isMissing(file)),
      create: () => writer.create(),
      open: async (sha256) => (writer.has(sha256) ? writer.open(sha256) : store.open(sha256)),
    };
    const taken = await takeFiles(reader, destination, { pairs: fresh, signal, onProgress });
    const incoming = planned.map(({ placed }) => placed.incoming);
    const generation = await publishAll(store, writer, { list, incoming, options });
    return { generation, taken };
  } catch (error) {
    // Whoever stopped it may go on later; what is wrong, or has no room, is given up.
    mayClose = signal?.aborted !== true;
    throw error;
  } finally {
    if (mayClose) await writer.close();
  }
}

/** Everything is decided anew, on what is newest then: another bundle may have been applied meanwhile, or something pinned. */
async function publishAll(
  store: Store,
  writer: StoreWriter,
  what: {
    readonly list: BundleList;
    readonly incoming: readonly Incoming[];
    readonly options: ApplyOptions;
  },
): Promise<Generation | undefined> {
  const { list, incoming, options } = what;
  return publish(store, writer, async (current, base) => {
    const placed = placesOf(current, list, { ...options, incoming });
    const made = new Map<string, ImageStream>();
    const wishes = { placed, retention: options.retention, now: options.now() };
    for (const planned of await planStreams(store, base, wishes)) {
      const stream = await carriedStream(writer, planned, list);
      if (stream !== undefined) made.set(stream.name, stream);
    }
    const names = placed.map(({ name }) => name).join(", ");
    const text = `bundle ${list.id.slice(0, 12)} of ${list.createdAt.slice(0, 10)}: ${names}`;
    const streams = withPlaced(current, { list, placed }, made);
    // Under another name nothing of an image stream stays that the bundle does not list.
    const pins = pinsForLeft(current, streams, { base, pins: await readPins(store, base), why: text });
    return { reason: { verb: "bundle", text }, streams, ...(pins === undefined ? {} : { pins }) };
  });
}

function changeOf({ placed, plan }: PlannedStream): AppliedStream {
  const { come, go, stay } = plan;
  const from = placed.incoming.stream.name;
  return { name: placed.name, from, come: come.images, go: go.images, stay: stay.images };
}

function refuseFuture({ createdAt }: BundleList, now: number): void {
  if (Date.parse(createdAt) <= now + CLOCK_MS) return;
  throw new HeadwaterError(
    "BUNDLE_UNTIMELY",
    `The bundle was made at ${createdAt}, and here it is ${new Date(now).toISOString()}: one of the two clocks is wrong.`,
    { hint: "Set the clock of this machine; --force takes the bundle all the same.", details: { createdAt } },
  );
}

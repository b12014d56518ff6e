import { HeadwaterError } from "../../error.ts";
import { publish } from "../../publish/publish.ts";
import { imagesOf, readListing as readHeld, readStreams } from "../../publish/read-streams.ts";
import { stageRoot } from "../../publish/upstream-root.ts";
import type { DocumentRecord, Generation, StreamRecord, StreamState } from "../../store/generation.ts";
import type { Store, StoreWriter } from "../../store/store.ts";
import { NO_PINS, Pinned } from "../../retention/pinned.ts";
import { KEEP_ALL } from "../../retention/policy.ts";
import { readPins } from "../../store/pins.ts";
import { type Dates, readDates } from "../../store/version-dates.ts";
import { readStreamState } from "../../store/stream-state.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { ImageStream } from "../../views/image-stream.ts";
import { mergedRoot } from "../../views/merged-root.ts";
import type { Transfers } from "../transfer/transfer.ts";
import type { Amount } from "./amount.ts";
import { believe } from "./belief.ts";
import { type Downloaded, download } from "./download.ts";
import { type Fetched, fetchDocuments, isUnchanged } from "./fetched.ts";
import type { Listing } from "../../simplestreams/listing.ts";
import { goOffline } from "./go-offline.ts";
import { rewrittenRoot, saysTheSame, verbatimRoot } from "./own-root.ts";
import { withoutFiles, withoutImages } from "./left-out.ts";
import { filesOf, fingerprintsIn, type Plan, type PlanInput, planMirror } from "./plan.ts";
import { policyKey } from "./policy-key.ts";
import { readListing } from "./read-listing.ts";
import { refuseToDropPinned } from "./refuse-to-drop-pinned.ts";
import { isSame } from "./same-stream.ts";
import type { StreamPolicy } from "./stream-policy.ts";
import type { SyncEvent, SyncReport } from "./sync-report.ts";
import { readUpstreamNote, type UpstreamNote, writeUpstreamNote } from "./upstream-note.ts";
import { withStream } from "./with-stream.ts";

export interface SyncOptions {
  readonly store: Store;
  readonly upstream: Upstream;
  /** Opens what downloads into the writer's area. */
  readonly openTransfers: (writer: StoreWriter) => Transfers;
  /** Names of the image streams of all upstreams, in the configured order of precedence. What is made here is before them. */
  readonly order: readonly string[];
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: SyncEvent) => void;
  readonly now?: () => number;
  readonly wait?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

const NOTHING: Amount = { images: 0, files: 0, bytes: 0 };

/**
 * Brings one image stream up to date with its upstream: documents fetched (or found unchanged), verified and believed; a plan; for a
 * mirror the downloads; one generation that names exactly what is held. Publishes nothing when nothing changed. Throws what makes the
 * whole upstream unusable now (UPSTREAM_..., DOCUMENT_INVALID) after noting it: the last good state stays listed.
 */
export async function syncUpstream(policy: StreamPolicy, options: SyncOptions): Promise<SyncReport> {
  const { store, dryRun = false, signal, now = Date.now } = options;
  const note = await readUpstreamNote(store, policy.name);
  try {
    const { report, remember } = await new Sync(policy, options, note).run();
    const { lastError: _mended, ...rest } = note;
    if (!dryRun) {
      await writeUpstreamNote(store, policy.name, {
        ...rest,
        ...remember,
        lastSuccess: new Date(now()).toISOString(),
      });
    }
    return report;
  } catch (error) {
    if (!dryRun && signal?.aborted !== true) {
      const at = new Date(now()).toISOString();
      const message = error instanceof Error ? error.message : String(error);
      await writeUpstreamNote(store, policy.name, {
        ...note,
        lastError: { at, since: note.lastError?.since ?? at, message },
      });
    }
    throw error;
  }
}

interface Outcome {
  readonly report: SyncReport;
  readonly remember: UpstreamNote;
}

/** Where the image stream stands before the sync. */
interface Before {
  readonly base: Generation | undefined;
  readonly record: StreamRecord | undefined;
  readonly listing: Listing;
  readonly state: StreamState;
  readonly pins: Pinned;
  readonly dates: Dates;
}

/** What the upstream says. */
interface Asked {
  readonly fetched: Fetched;
  readonly listing: Listing;
  /** Whether its own bytes say something else than `listing`. */
  readonly isOdd: boolean;
}

type Obtained = NonNullable<PlanInput["obtained"]>;

/** What is to be published. */
interface Next {
  readonly listing: Listing;
  readonly documents: ReadonlyMap<string, DocumentRecord>;
  readonly productsPaths: readonly string[];
  readonly isVerbatim: boolean;
  readonly state: Omit<StreamState, "held">;
}

class Sync {
  readonly #policy: StreamPolicy;
  readonly #options: SyncOptions;
  readonly #note: UpstreamNote;
  readonly #oddities: string[] = [];

  constructor(policy: StreamPolicy, options: SyncOptions, note: UpstreamNote) {
    this.#policy = policy;
    this.#options = options;
    this.#note = note;
  }

  async run(): Promise<Outcome> {
    const { store, order, dryRun = false, upstream, signal, wait, now = Date.now } = this.#options;
    const policy = this.#policy;
    const base = await store.newest();
    const record = base?.streams.find(({ name }) => name === policy.name);
    if (record?.origin === "own") throw nameTaken(policy.name);
    const key = policyKey(policy);
    if (policy.offline) {
      const published = await goOffline(policy, { store, order, dryRun });
      return { report: this.#report({ published, isUnchanged: true }), remember: {} };
    }
    const asking = { upstream, policy, signal, wait };
    if (record !== undefined && this.#note.policy === key && this.#isInPlace(base) && !dryRun) {
      if (await isUnchanged({ ...asking, known: this.#note.validators }))
        return { report: this.#report({ isUnchanged: true }), remember: {} };
    }
    const fetched = await fetchDocuments(asking);
    const belief = believe(fetched.updatedMs, this.#note, {
      now: now(),
      olderAfterMs: policy.believeOlderAfterMs,
    });
    if (!belief.isBelieved && record !== undefined) {
      return { report: this.#report({ isOlder: true }), remember: belief.note };
    }
    const before = await this.#before(base, record);
    const { listing, oddities } = readListing(fetched, policy.url);
    this.#oddities.push(...oddities);
    const asked = { fetched, listing, isOdd: !saysTheSame(fetched, listing) };
    if (dryRun) return { report: this.#report(this.#plan(asked, before)), remember: {} };
    const { report, plan } = await this.#carryOut(asked, before);
    // Tried again next time, whatever the upstream says about its lists.
    const isComplete = report.failures.length === 0 && !this.#willExpire(plan, before);
    const remember = {
      ...belief.note,
      ...(isComplete ? { policy: key, validators: fetched.validators } : { policy: "" }),
    };
    return { report, remember };
  }

  async #before(base: Generation | undefined, record: StreamRecord | undefined): Promise<Before> {
    const { store } = this.#options;
    if (base === undefined || record === undefined)
      return { base, record, listing: new Map(), state: {}, pins: NO_PINS, dates: new Map() };
    return {
      base,
      record,
      listing: await readHeld(store, base, record),
      state: await readStreamState(store, record),
      pins: new Pinned(await readPins(store, base)),
      dates: await readDates(store, record),
    };
  }

  #plan({ listing: upstream, isOdd }: Asked, before: Before, obtained?: Obtained): Plan {
    const { name, mode, select, retention = KEEP_ALL, keepDroppedMs } = this.#policy;
    const { now = Date.now } = this.#options;
    const seenAt =
      this.#note.lastSuccess ?? before.record?.upstream?.fetchedAt ?? new Date(now()).toISOString();
    const { pins, dates, state } = before;
    const dropped = state.dropped ?? [];
    const held = { held: before.listing, here: state.held && new Set(state.held) };
    const there = { upstream, isOdd, obtained };
    const input = { stream: name, ...there, ...held, dropped, seenAt, pins, dates, now: now() };
    // A cache lists what the upstream lists, and what is pinned and here.
    return planMirror({
      ...input,
      policy: mode === "cache" ? { select } : { select, retention, keepDroppedMs },
    });
  }

  async #carryOut(
    asked: Asked,
    before: Before,
  ): Promise<{ readonly report: SyncReport; readonly plan: Plan }> {
    const { store, signal, now = Date.now } = this.#options;
    const { name, mode } = this.#policy;
    const writer = await store.writer(`sync-${name}`, { adopts: true });
    let mayClose = false;
    try {
      const wanted = this.#plan(asked, before);
      const done = mode === "mirror" ? await this.#download(wanted, writer, before) : undefined;
      signal?.throwIfAborted();
      const plan = this.#planOfWhatCame(asked, before, { wanted, done });
      const next = await this.#next(plan, asked.fetched, { done, before, writer });
      const fetchedAt = new Date(now()).toISOString();
      const { published, streams } = await this.#publish(writer, next, { before, plan, fetchedAt });
      mayClose = true;
      const hiddenAliases = mergedRoot(streams).hiddenAliases.filter(({ stream }) => stream === name);
      const report = this.#report({ ...plan, published, hiddenAliases, ...pick(done) });
      return { report, plan };
    } catch (error) {
      // On a full disk what came is given up; otherwise the next try takes it over.
      mayClose = error instanceof HeadwaterError && error.code === "STORE_FULL";
      throw error;
    } finally {
      if (mayClose) await writer.close();
    }
  }

  /** What could not be had takes nobody's place: of a product whose newest version is not to be had the one before stays. */
  #planOfWhatCame(
    asked: Asked,
    before: Before,
    { wanted, done }: { readonly wanted: Plan; readonly done: Downloaded | undefined },
  ): Plan {
    if (done === undefined || done.missing.size + done.wrong.size === 0) return wanted;
    const here = new Set([...filesOf(before.listing).keys(), ...filesOf(wanted.listing).keys()]);
    return this.#plan(asked, before, (listing) => {
      const absent = [...filesOf(listing).keys()].filter((file) => !here.has(file));
      return withoutImages(withoutFiles(listing, new Set([...absent, ...done.missing])), done.wrong);
    });
  }

  async #download(plan: Plan, writer: StoreWriter, before: Before): Promise<Downloaded> {
    const { store, openTransfers, signal, onEvent } = this.#options;
    const transfers = openTransfers(writer);
    try {
      const known = fingerprintsIn(before.listing);
      return await download(plan.listing, {
        store,
        writer,
        transfers,
        parallel: this.#policy.parallel,
        known,
        signal,
        onEvent,
      });
    } finally {
      await transfers.close();
    }
  }

  async #next(
    plan: Plan,
    fetched: Fetched,
    {
      done,
      before,
      writer,
    }: { readonly done: Downloaded | undefined; readonly before: Before; readonly writer: StoreWriter },
  ): Promise<Next> {
    // What a cache found out about an image stays true for as long as the upstream lists the same image.
    const listed = fingerprintsIn(plan.listing);
    const distrusted = (before.state.distrusted ?? []).filter(({ fingerprint }) => listed.has(fingerprint));
    const wrong = new Set([...(done?.wrong ?? []), ...distrusted.map(({ fingerprint }) => fingerprint)]);
    const listing = withoutImages(withoutFiles(plan.listing, done?.missing ?? new Set()), wrong);
    const isVerbatim = !plan.isChanged && wrong.size === 0 && (done?.missing.size ?? 0) === 0;
    const root = isVerbatim ? verbatimRoot(fetched) : rewrittenRoot(fetched, listing);
    const documents = await stageRoot(writer, root.documents);
    return {
      listing,
      documents,
      productsPaths: root.productsPaths,
      isVerbatim,
      state: { dropped: plan.dropped, distrusted },
    };
  }

  async #publish(
    writer: StoreWriter,
    next: Next,
    { before, plan, fetchedAt }: { readonly before: Before; readonly plan: Plan; readonly fetchedAt: string },
  ): Promise<{ readonly published: number | undefined; readonly streams: readonly ImageStream[] }> {
    const { store, order } = this.#options;
    const { name, mode } = this.#policy;
    let streams: readonly ImageStream[] = [];
    const reason = {
      verb: "sync",
      text: `${mode} ${name}: ${plan.come.images} images come, ${plan.go.images} go`,
    };
    const generation = await publish(
      store,
      writer,
      async (current, base) => {
        const now = current.find((stream) => stream.name === name);
        if (now?.origin === "own") throw nameTaken(name);
        const pins = new Pinned(await readPins(store, base));
        if (now !== undefined && mode === "mirror") refuseToDropPinned(now, next.listing, pins);
        const stream = this.#stream(next, now, fetchedAt);
        streams = withStream(current, stream, order);
        const isSamePlace = streams.every((one, at) => one.name === current[at]?.name);
        return isSamePlace && now !== undefined && isSame(stream, now) ? undefined : { reason, streams };
      },
      { now: this.#options.now ?? Date.now },
    );
    return {
      published: generation?.number,
      streams: generation === undefined ? await readStreams(store, before.base) : streams,
    };
  }

  #stream(next: Next, now: ImageStream | undefined, fetchedAt: string): ImageStream {
    const { name, mode, url, isPublic, aliasPrefix, twins, offline } = this.#policy;
    const files = filesOf(next.listing);
    const held =
      mode === "mirror" ? undefined : [...(now?.upstream?.holds ?? [])].filter((sha256) => files.has(sha256));
    return {
      name,
      origin: mode,
      products: imagesOf(next.listing, name),
      upstream: {
        record: { url, isPublic, isVerbatim: next.isVerbatim, aliasPrefix, twins, offline, fetchedAt },
        state: { ...next.state, ...(held === undefined ? {} : { held }) },
        documents: next.documents,
        productsPaths: next.productsPaths,
        listing: next.listing,
        holds: new Set(held ?? files.keys()),
      },
      // Of what is here, and so of no cache.
      ...(mode === "mirror" && now?.lxc !== undefined ? { lxc: now.lxc } : {}),
    };
  }

  /** Whether the image streams stand in the configured order. */
  #isInPlace(base: Generation | undefined): boolean {
    const { order } = this.#options;
    const places = (base?.streams ?? []).map(({ name }) => order.indexOf(name)).filter((at) => at !== -1);
    return places.every((at, index) => index === 0 || (places[index - 1] ?? 0) < at);
  }

  /** Whether time alone, or the end of a pin, will change what is listed. */
  #willExpire(plan: Plan, { pins }: Before): boolean {
    return plan.dropped.length > 0 && (this.#policy.keepDroppedMs !== undefined || !pins.isEmpty);
  }

  #report(found: Partial<SyncReport>): SyncReport {
    return {
      stream: this.#policy.name,
      published: found.published,
      isUnchanged: found.isUnchanged ?? false,
      come: found.come ?? NOTHING,
      go: found.go ?? NOTHING,
      stay: found.stay ?? NOTHING,
      fetched: found.fetched ?? 0,
      failures: found.failures ?? [],
      oddities: this.#oddities,
      isOlder: found.isOlder ?? false,
      hiddenAliases: found.hiddenAliases ?? [],
    };
  }
}

function pick(done: Downloaded | undefined): Partial<SyncReport> {
  return done === undefined ? {} : { fetched: done.fetched, failures: done.failures };
}

function nameTaken(name: string): HeadwaterError {
  return new HeadwaterError("NAME_TAKEN", `The image stream ${name} is for what is made here.`, {
    hint: "Give the upstream another name.",
    details: { name },
  });
}

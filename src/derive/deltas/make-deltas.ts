import { publish } from "../../publish/publish.ts";
import { readStreams } from "../../publish/read-streams.ts";
import type { BlobFiles } from "../../store/blob-files.ts";
import type { Store, StoreWriter } from "../../store/store.ts";
import { OWN_STREAM, withOwnStream } from "../../views/image-stream.ts";
import { type Attempt, Attempts } from "./attempts.ts";
import { type DeltaPair, deltaPairs } from "./delta-pairs.ts";
import type { DeltaOutcome, DeltaReport } from "./delta-report.ts";
import { type Made, makeDelta } from "./make-delta.ts";
import { type MadeDelta, withDelta } from "./with-delta.ts";
import { Xdelta3 } from "./xdelta3.ts";

export interface MakeDeltasOptions {
  readonly store: Store;
  readonly files: BlobFiles;
  readonly xdelta3?: Xdelta3;
  /** Bytes of a root above which it is left alone: xdelta3 needs about as much memory. */
  readonly maxSize: number;
  /** Also what earlier runs found not to be worth it, or failed at. */
  readonly again?: boolean;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  /** `done` of `total` bytes of one root. */
  readonly onProgress?: (progress: {
    readonly pair: DeltaPair;
    readonly done: number;
    readonly total: number;
  }) => void;
  readonly onReport?: (report: DeltaReport) => void;
  readonly now?: () => number;
}

/**
 * Makes the delta from the version before for the newest version of every product made here, one after the other, and publishes what was
 * made: one generation now and then, since each renders all that is listed. The caller holds a lock, so that one process does it at a time.
 * Of two all the same the later one takes over what the other has begun, which then fails with BLOB_MISSING. Resolves with what came of each
 * product that has two versions.
 */
export async function makeDeltas(options: MakeDeltasOptions): Promise<DeltaReport[]> {
  const { store, dryRun = false } = options;
  const streams = await readStreams(store, await store.newest());
  const own = streams.find(({ name }) => name === OWN_STREAM);
  const pairs = own === undefined ? [] : deltaPairs(own.products);
  const run = new Run(options, pairs, await Attempts.read(store, OWN_STREAM));
  if (dryRun || pairs.every((pair) => run.known(pair) !== undefined)) {
    for (const pair of pairs) run.report(pair, run.known(pair) ?? { outcome: "wanted" });
    return run.reports;
  }
  // What a killed run left is of no use to anybody.
  const writer = await store.writer("deltas", { adopts: true });
  try {
    await run.all(writer);
  } finally {
    await writer.close();
  }
  return run.reports;
}

/** Until what was made is published, while more is made. */
const PUBLISH_EVERY_MS = 30_000;

class Run {
  readonly #reports = new Map<DeltaPair, DeltaReport>();
  readonly #options: MakeDeltasOptions;
  readonly #pairs: readonly DeltaPair[];
  readonly #attempts: Attempts;
  readonly #xdelta3: Xdelta3;
  readonly #now: () => number;
  #made: MadeDelta[] = [];

  constructor(options: MakeDeltasOptions, pairs: readonly DeltaPair[], attempts: Attempts) {
    this.#options = options;
    this.#pairs = pairs;
    this.#attempts = attempts;
    this.#xdelta3 = options.xdelta3 ?? new Xdelta3();
    this.#now = options.now ?? Date.now;
  }

  /** In the order of the products file. */
  get reports(): DeltaReport[] {
    return this.#pairs.flatMap((pair) => this.#reports.get(pair) ?? []);
  }

  /** What there is to say without trying; undefined for a pair that is to be tried. */
  known(pair: DeltaPair): DeltaOutcome | undefined {
    const { maxSize, again = false } = this.#options;
    const { present, root, baseRoot } = pair;
    if (present !== undefined) return { outcome: "present", size: present.size ?? 0 };
    if (Math.max(root.size, baseRoot.size) > maxSize) return { outcome: "too large" };
    const attempt = again ? undefined : this.#attempts.of(pair, this.#now());
    return attempt && outcomeOf(attempt, true);
  }

  report(pair: DeltaPair, outcome: DeltaOutcome): void {
    const { product, version, present, root } = pair;
    const base = present?.delta_base ?? pair.base;
    const report = { product, version, base, rootSize: root.size, ...outcome };
    this.#reports.set(pair, report);
    this.#options.onReport?.(report);
  }

  async all(writer: StoreWriter): Promise<void> {
    let publishedMs = this.#now();
    try {
      for (const pair of this.#pairs) {
        const known = this.known(pair);
        if (known !== undefined) this.report(pair, known);
        else await this.#one(pair, writer);
        if (this.#now() - publishedMs < PUBLISH_EVERY_MS) continue;
        await this.#publish(writer);
        publishedMs = this.#now();
      }
    } finally {
      await this.#publish(writer);
    }
  }

  async #one(pair: DeltaPair, writer: StoreWriter): Promise<void> {
    const made = await this.#make(pair, writer);
    if (made.kind === "made") {
      this.#made.push({ pair, ...made });
      return;
    }
    await this.#attempts.remember(pair, made, { now: this.#now(), pairs: this.#pairs });
    this.report(pair, outcomeOf(made, false));
  }

  async #make(pair: DeltaPair, writer: StoreWriter): Promise<Made> {
    const { files, signal, onProgress } = this.#options;
    const sink = await writer.create();
    try {
      const made = await makeDelta(pair, sink, {
        files,
        xdelta3: this.#xdelta3,
        signal,
        onProgress: (done) => onProgress?.({ pair, done, total: pair.root.size }),
      });
      if (made.kind === "made") await sink.commit(made);
      else await sink.cancel();
      return made;
    } catch (error) {
      await sink.cancel();
      throw error;
    }
  }

  async #publish(writer: StoreWriter): Promise<void> {
    const made = this.#made;
    this.#made = [];
    if (made.length === 0) return;
    let listed: readonly MadeDelta[] = [];
    await publish(this.#options.store, writer, (streams) => {
      const here: MadeDelta[] = [];
      const after = withOwnStream(streams, (products) => {
        let file = products;
        for (const delta of made) {
          const changed = withDelta(file, delta);
          if (changed === undefined) continue;
          file = changed;
          here.push(delta);
        }
        return file;
      });
      listed = here;
      return here.length === 0
        ? undefined
        : { reason: { verb: "delta", text: summary(here) }, streams: after };
    });
    for (const delta of made) {
      const isListed = listed.includes(delta);
      this.report(delta.pair, isListed ? { outcome: "made", size: delta.size } : { outcome: "overtaken" });
    }
  }
}

function outcomeOf(attempt: Attempt, before: boolean): DeltaOutcome {
  return attempt.kind === "failed"
    ? { outcome: "failed", reason: attempt.reason, before }
    : { outcome: "not worth it", size: attempt.size, before };
}

/** A generation file stays small. */
const NAMED = 5;

function summary(made: readonly MadeDelta[]): string {
  const named = made.slice(0, NAMED).map(({ pair }) => `${pair.product} ${pair.version} from ${pair.base}`);
  return [...named, ...(made.length > NAMED ? [`and ${made.length - NAMED} more`] : [])].join(", ");
}

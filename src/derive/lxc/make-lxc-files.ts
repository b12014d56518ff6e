import { type ErrorCode, HeadwaterError } from "../../error.ts";
import { publish } from "../../publish/publish.ts";
import { readStreams } from "../../publish/read-streams.ts";
import { renderProducts } from "../../simplestreams/render.ts";
import type { Generation } from "../../store/generation.ts";
import type { Store, StoreWriter } from "../../store/store.ts";
import type { ImageStream } from "../../views/image-stream.ts";
import { emptyLxc, type LxcBuild, withCurrentLxc, withLxcBuild } from "../../views/lxc-files.ts";
import { type HiddenFromLxc, lxcIndex } from "../../views/lxc-index.ts";
import { type LeftOut, type LxcWork, planLxc } from "./plan.ts";
import type { Tools } from "./rootfs.ts";
import { makeLxcBuild } from "./make-build.ts";

export interface LxcOptions extends Omit<Tools, "writer"> {
  /** The image streams whose builds LXC is to have; the others lose what they have. */
  readonly streams: ReadonlySet<string>;
  readonly dryRun?: boolean;
  /** Work that is not to be done this time, such as what failed a moment ago. */
  readonly skips?: (work: LxcWork) => boolean;
  /** A build's turn has come. */
  readonly onBuild?: (work: LxcWork, at: { readonly done: number; readonly total: number }) => void;
}

export interface LxcReport {
  /** Builds whose files were made, or would be. */
  readonly made: readonly LxcWork[];
  readonly failures: readonly { readonly work: LxcWork; readonly error: HeadwaterError }[];
  readonly leftOut: readonly LeftOut[];
  /** What has its files and is not in the index. */
  readonly hidden: readonly HiddenFromLxc[];
  /** Lines of the index. */
  readonly listed: number;
  /** The last generation that was published. */
  readonly generation: number | undefined;
}

/** What is ready is published when this has passed, and at the end: the first of a hundred builds need not wait for the last. */
const PUBLISH_EVERY_MS = 60_000;

/**
 * Makes what LXC needs of the builds that are listed, one after the other, and lists it. A build that fails is told and keeps no other from
 * its turn. What a kill interrupts is made again; nothing is listed before its bytes are there.
 */
export async function makeLxcFiles(store: Store, options: LxcOptions): Promise<LxcReport> {
  const { streams, dryRun = false, skips = () => false, onBuild } = options;
  const before = await readStreams(store, await store.newest());
  const plan = planLxc(before, { streams, signer: store.signer?.fingerprint });
  const work = plan.work.filter((one) => !skips(one));
  const run = new Run(store, options, before);
  if (!dryRun) {
    await run.all(work, (one, done) => onBuild?.(one, { done, total: work.length }));
  }
  const { lines, hidden } = lxcIndex(run.streams, (name) => `${name}/`);
  return {
    made: dryRun ? work : run.made,
    failures: run.failures,
    leftOut: plan.leftOut,
    hidden,
    listed: lines.length,
    generation: run.generation?.number,
  };
}

interface Ready extends LxcBuild {
  readonly stream: string;
}

class Run {
  readonly made: LxcWork[] = [];
  readonly failures: { readonly work: LxcWork; readonly error: HeadwaterError }[] = [];
  generation: Generation | undefined;
  /** As they were read or published last. */
  streams: readonly ImageStream[];
  readonly #store: Store;
  readonly #options: LxcOptions;
  #ready: Ready[] = [];

  constructor(store: Store, options: LxcOptions, streams: readonly ImageStream[]) {
    this.#store = store;
    this.#options = options;
    this.streams = streams;
  }

  async all(work: readonly LxcWork[], onBuild: (work: LxcWork, done: number) => void): Promise<void> {
    if (work.length === 0 && !hasUnwanted(this.streams, this.#options.streams)) return;
    const writer = await this.#store.writer("lxc", { adopts: true });
    try {
      // Also when the work is stopped: what was made is ready.
      try {
        await this.#each(writer, work, onBuild);
      } finally {
        await this.#publish(writer);
      }
    } finally {
      await writer.close();
    }
  }

  async #each(
    writer: StoreWriter,
    work: readonly LxcWork[],
    onBuild: (work: LxcWork, done: number) => void,
  ): Promise<void> {
    let publishedMs = Date.now();
    for (const [done, one] of work.entries()) {
      this.#options.signal?.throwIfAborted();
      onBuild(one, done);
      await this.#make(writer, one);
      if (Date.now() - publishedMs < PUBLISH_EVERY_MS) continue;
      await this.#publish(writer);
      publishedMs = Date.now();
    }
  }

  async #make(writer: StoreWriter, work: LxcWork): Promise<void> {
    try {
      const build = await makeLxcBuild(this.#store, work, { ...this.#options, writer });
      this.#ready.push({ stream: work.stream, ...build });
      this.made.push(work);
    } catch (error) {
      if (!(error instanceof HeadwaterError) || IN_ANY_CASE.has(error.code)) throw error;
      this.failures.push({ work, error });
    }
  }

  async #publish(writer: StoreWriter): Promise<void> {
    const ready = this.#ready;
    const generation = await publish(this.#store, writer, (current) => {
      this.streams = current.map((stream) => withBuilds(stream, ready, this.#options.streams));
      if (this.streams.every((stream, at) => isSame(stream, current[at]))) return undefined;
      return { reason: { verb: "lxc", text: reasonOf(ready) }, streams: this.streams };
    });
    this.generation = generation ?? this.generation;
    this.#ready = [];
  }
}

/** What the next build could have no more luck with. */
const IN_ANY_CASE: ReadonlySet<ErrorCode> = new Set(["STORE_FULL", "KEY_LOCKED", "KEY_UNUSABLE"]);

function hasUnwanted(streams: readonly ImageStream[], wanted: ReadonlySet<string>): boolean {
  return streams.some(({ name, lxc }) => lxc !== undefined && !wanted.has(name));
}

/** What was removed or replaced while its files were made is not listed with them. */
function withBuilds(stream: ImageStream, ready: readonly Ready[], wanted: ReadonlySet<string>): ImageStream {
  const { lxc, ...without } = stream;
  if (!wanted.has(stream.name) || stream.origin === "cache") return without;
  let file = lxc ?? emptyLxc(stream.name);
  for (const build of ready) if (build.stream === stream.name) file = withLxcBuild(file, build);
  return withCurrentLxc({ ...stream, lxc: file });
}

function isSame(one: ImageStream, other: ImageStream | undefined): boolean {
  return textOf(one) === textOf(other);
}

function textOf(stream: ImageStream | undefined): string {
  return stream?.lxc === undefined || stream.lxc.products.size === 0 ? "" : renderProducts(stream.lxc);
}

/** How many builds one line of history names. */
const NAMED = 3;

function reasonOf(ready: readonly Ready[]): string {
  if (ready.length === 0) return "no longer for an image stream";
  const named = ready.slice(0, NAMED).map(({ product, version }) => `${product} ${version}`);
  const more = ready.length > NAMED ? [`and ${ready.length - NAMED} more`] : [];
  return [...named, ...more].join(", ");
}

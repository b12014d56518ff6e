import { HeadwaterError } from "../../error.ts";
import { publish } from "../../publish/publish.ts";
import { readStreams } from "../../publish/read-streams.ts";
import { fingerprintsOf } from "../../simplestreams/fingerprint.ts";
import { originOf } from "../../simplestreams/image-origin.ts";
import type { ProductsFile } from "../../simplestreams/products.ts";
import type { Generation } from "../../store/generation.ts";
import type { Store, StoreWriter } from "../../store/store.ts";
import { type ImageStream, OWN_STREAM, emptyOwnStream, withOwnStream } from "../../views/image-stream.ts";
import type { Build } from "../build.ts";
import type { BuildWishes } from "../files/name-build.ts";
import { SPLIT_NOTE } from "../files/add-files.ts";
import { type ListedBuild, listBuild, type ListOptions } from "../list-build.ts";
import { Listing } from "../listing.ts";
import type { Daemon } from "./daemon.ts";
import type { DaemonImage } from "./daemon-image.ts";
import { followAliases, type MovedAlias } from "./follow-aliases.ts";
import { nameImage } from "./name-image.ts";
import { stageExport } from "./stage-export.ts";

export interface PullOptions {
  readonly store: Store;
  readonly daemon: Daemon;
  readonly wishes: BuildWishes;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  /** Bytes of one image that have come, and all there are. */
  readonly onProgress?: (image: DaemonImage, done: number, total: number) => void;
}

export interface PulledImage {
  readonly image: DaemonImage;
  readonly listed: ListedBuild;
}

export interface PullReport {
  /** In the order of the daemon. With `dryRun`: what would be taken. */
  readonly taken: readonly PulledImage[];
  /** Here already. */
  readonly known: readonly DaemonImage[];
  readonly aliases: readonly MovedAlias[];
  readonly left: readonly LeftImage[];
  /** The newest one that this made; undefined when nothing changed. */
  readonly generation: Generation | undefined;
}

export interface LeftImage {
  readonly image: DaemonImage;
  readonly reason: string;
}

/** What has come is listed this often, so that little is lost with a process, and lists are not rendered for every image. */
const PUBLISH_EVERY_MS = 5000;

/**
 * Takes images out of a daemon into the site's own image stream, one after the other. What is here already is not fetched again. An image that
 * cannot be taken is left out with its reason; when the daemon goes away, what has come whole by then is kept, and the error is thrown.
 */
export async function pullImages(images: readonly DaemonImage[], options: PullOptions): Promise<PullReport> {
  const { store, dryRun = false } = options;
  const writer = await store.writer("pull");
  try {
    const streams = await readStreams(store, await store.newest());
    const pull = new Pull(writer, options, streams);
    try {
      for (const image of images) await pull.take(image);
    } finally {
      if (!dryRun) await pull.publish();
    }
    return pull.report();
  } finally {
    await writer.close();
  }
}

interface StagedPull {
  readonly image: DaemonImage;
  readonly build: Build;
  readonly notes: readonly string[];
}

class Pull {
  readonly #writer: StoreWriter;
  readonly #options: PullOptions;
  readonly #known: Set<string>;
  /** What will be listed once everything has come: names are given, and refused, by it before gigabytes are fetched. */
  #preview: Listing;
  #staged: StagedPull[] = [];
  #publishedAt = performance.now();
  #generation: Generation | undefined;
  readonly #taken: PulledImage[] = [];
  readonly #left: LeftImage[] = [];
  readonly #there: DaemonImage[] = [];
  readonly #aliases: MovedAlias[] = [];

  constructor(writer: StoreWriter, options: PullOptions, streams: readonly ImageStream[]) {
    this.#writer = writer;
    this.#options = options;
    this.#known = knownFingerprints(streams);
    this.#preview = listingOf(streams);
  }

  async take(image: DaemonImage): Promise<void> {
    const { daemon, wishes, signal, onProgress, dryRun = false } = this.#options;
    signal?.throwIfAborted();
    if (this.#known.has(image.fingerprint)) {
      this.#there.push(image);
      return;
    }
    try {
      const { build, notes } = nameImage(image, {
        wishes,
        facts: daemon.facts,
        now: new Date(),
        listing: this.#preview,
      });
      const listed = listBuild(this.#preview, { ...build, files: standIn(image) }, listOptions());
      if (dryRun) {
        this.#taken.push({ image, listed: { ...listed, notes: [...notes, ...listed.notes] } });
        return;
      }
      const { files, rewritten } = await stageExport(this.#writer, daemon, image, {
        signal,
        onProgress: (done, total) => onProgress?.(image, done, total),
      });
      this.#known.add(image.fingerprint);
      this.#staged.push({
        image,
        build: { ...build, files },
        notes: rewritten ? [...notes, SPLIT_NOTE] : notes,
      });
    } catch (error) {
      if (!(error instanceof HeadwaterError) || !isOfOneImage(error)) throw error;
      this.#left.push({ image, reason: error.message });
    }
    if (performance.now() - this.#publishedAt > PUBLISH_EVERY_MS) await this.publish();
  }

  /** Lists what has come so far, in one generation. */
  async publish(): Promise<void> {
    const { store, daemon } = this.#options;
    const { place } = daemon;
    const staged = this.#staged;
    this.#staged = [];
    let taken: PulledImage[] = [];
    let refused: LeftImage[] = [];
    let beaten: DaemonImage[] = [];
    let moved: MovedAlias[] = [];
    const list = (products: ProductsFile): ProductsFile => {
      const listing = new Listing(products);
      [taken, refused, beaten] = listAll(listing, staged);
      moved = followAliases(listing, this.#there, daemon.facts.source);
      return listing.file;
    };
    const generation = await publish(store, this.#writer, (streams) => {
      const after = withOwnStream(streams, list);
      if (taken.every(({ listed }) => listed.status === "unchanged") && moved.length === 0) return undefined;
      this.#preview = listingOf(after);
      return { reason: { verb: "pull", text: reasonOf(taken, moved, place) }, streams: after };
    });
    this.#generation = generation ?? this.#generation;
    this.#taken.push(...taken);
    this.#left.push(...refused);
    this.#there.push(...beaten);
    this.#aliases.push(...moved);
    this.#publishedAt = performance.now();
  }

  report(): PullReport {
    return {
      taken: this.#taken,
      known: this.#there,
      aliases: this.#aliases,
      left: this.#left,
      generation: this.#generation,
    };
  }
}

function listingOf(streams: readonly ImageStream[]): Listing {
  return new Listing((streams.find(({ name }) => name === OWN_STREAM) ?? emptyOwnStream()).products);
}

function listOptions(): ListOptions {
  return { now: new Date(), from: "daemon" };
}

/** In place of files that are still on the daemon. */
function standIn({ fingerprint, size }: DaemonImage): Build["files"] {
  return { kind: "unified", image: { sha256: fingerprint, size, extension: "tar" } };
}

/** What was listed, what cannot be, and what somebody else listed meanwhile. */
function listAll(
  listing: Listing,
  staged: readonly StagedPull[],
): [PulledImage[], LeftImage[], DaemonImage[]] {
  const taken: PulledImage[] = [];
  const refused: LeftImage[] = [];
  const beaten: DaemonImage[] = [];
  for (const { image, build, notes } of staged) {
    try {
      const listed = listBuild(listing, build, listOptions());
      taken.push({ image, listed: { ...listed, notes: [...notes, ...listed.notes] } });
    } catch (error) {
      if (!(error instanceof HeadwaterError)) throw error;
      if (error.code === "FINGERPRINT_TAKEN") beaten.push(image);
      else refused.push({ image, reason: error.message });
    }
  }
  return [taken, refused, beaten];
}

function reasonOf(taken: readonly PulledImage[], moved: readonly MovedAlias[], place: string): string {
  const [only] = taken;
  if (only !== undefined && taken.length === 1)
    return `${only.listed.product} ${only.listed.version} from ${place}`;
  if (only !== undefined) return `${taken.length} images from ${place}`;
  return `aliases of ${moved.map(({ product }) => product).join(", ")} as on ${place}`;
}

/** Everything that is listed here, in whatever image stream, under its fingerprint and under the one it had on its daemon. */
function knownFingerprints(streams: readonly ImageStream[]): Set<string> {
  const known = new Set<string>();
  for (const { products } of streams) {
    for (const { versions } of products.products.values()) {
      for (const version of versions.values()) {
        for (const { fingerprint } of fingerprintsOf(version)) known.add(fingerprint);
        const origin = originOf(version);
        if (origin !== undefined) known.add(origin.fingerprint);
      }
    }
  }
  return known;
}

/** Whether the next image may do better; a daemon that is gone and a disk that is full are everybody's trouble. */
function isOfOneImage({ code }: HeadwaterError): boolean {
  return !code.startsWith("STORE_") && code !== "DAEMON_UNREACHABLE" && code !== "DAEMON_UNTRUSTED";
}

import { HeadwaterError } from "../error.ts";
import type { Product, Version } from "../simplestreams/products.ts";
import { fingerprintsOf } from "../simplestreams/fingerprint.ts";
import { newestVersion } from "../simplestreams/version-name.ts";
import type { Generation } from "../store/generation.ts";
import { numbersOf } from "../store/keeps.ts";
import { readPins } from "../store/pins.ts";
import { type PurgeReport, purge } from "../store/prune.ts";
import type { Sha256, Store } from "../store/store.ts";
import { publish } from "../publish/publish.ts";
import { readStreams } from "../publish/read-streams.ts";
import { type ImageRow, imageRows } from "../views/image-rows.ts";
import type { ImageStream } from "../views/image-stream.ts";
import { lxcBytesMadeFrom } from "../views/lxc-files.ts";
import { findImages } from "./find-images.ts";
import { refusePinned } from "./refuse-pinned.ts";

export interface Removed {
  readonly generation: Generation | undefined;
  readonly images: readonly ImageRow[];
  /** Aliases that name another version from now on, or nothing any more. */
  readonly aliases: readonly { readonly alias: string; readonly version: string | undefined }[];
  /** Only with `now`: what was deleted from every kept generation and from the disk. */
  readonly purged: PurgeReport | undefined;
}

/**
 * Takes images out of what is listed. Their files stay for the grace period, since daemons keep an index for an hour;
 * with `now` they go at once, out of every kept generation and off the disk, because a leaked secret must not wait. Then
 * also those that were taken off the lists before, and are still served to whoever has an older list.
 * @throws PINNED for an image that a pin keeps, unless `now`
 */
export async function remove(
  store: Store,
  targets: readonly string[],
  options: { readonly now?: boolean; readonly dryRun?: boolean } = {},
): Promise<Removed> {
  const writer = await store.writer("remove");
  try {
    let images: ImageRow[] = [];
    let aliases: Removed["aliases"] = [];
    let leaked: readonly Sha256[] = [];
    const generation = await publish(store, writer, async (streams, base) => {
      const found: ImageRow[] = [];
      for (const target of targets) {
        found.push(
          ...(options.now === true ? await findKept(store, streams, target) : findImages(streams, target)),
        );
      }
      images = ownImages(unique(found), streams);
      if (options.now !== true) refusePinned(streams, images, await readPins(store, base));
      const after = streams.map((stream) => without(stream, images));
      aliases = movedAliases(images, after);
      leaked = blobsOnlyIn(images, after);
      const nothingListed = after.every((stream, at) => stream === streams[at]);
      if (options.dryRun === true || nothingListed) return undefined;
      return { reason: { verb: "remove", text: summary(images) }, streams: after };
    });
    const purged =
      options.now === true && options.dryRun !== true
        ? await purge(store, [...leaked, ...(await madeOf(store, images, leaked))], { now: Date.now() })
        : undefined;
    return { generation, images, aliases, purged };
  } finally {
    await writer.close();
  }
}

/** What was added here. What an upstream lists comes back with its next sync: it is selected otherwise, not removed. */
function ownImages(images: readonly ImageRow[], streams: readonly ImageStream[]): ImageRow[] {
  const own = images.filter(({ origin }) => origin === "own");
  const [first] = images;
  if (own.length > 0 || first === undefined) return own;
  const { product, stream } = first;
  const isCarried = streams.some(
    ({ name, upstream }) => name === stream && upstream?.record.bundle !== undefined,
  );
  if (isCarried)
    throw new HeadwaterError(
      "USAGE",
      `${product} came with a bundle into ${stream}, and is what the bundle says`,
      {
        hint: `It goes with the next bundle that does not list it. headwater upstream remove ${stream} takes away all of them.`,
        details: { product, stream },
      },
    );
  throw new HeadwaterError("USAGE", `${product} belongs to the upstream ${stream}, which lists it`, {
    hint: `Say with headwater upstream set ${stream} --select what is wanted of it, or headwater upstream remove ${stream}.`,
    details: { product, stream },
  });
}

/** In the newest lists, else in all that are kept. */
async function findKept(
  store: Store,
  streams: readonly ImageStream[],
  target: string,
): Promise<readonly ImageRow[]> {
  try {
    return findImages(streams, target);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const found: ImageRow[] = [];
    const newest = await store.newest();
    for (const number of numbersOf(newest?.keeps ?? [])) {
      const kept = await readStreams(store, await store.generation(number));
      try {
        found.push(...findImages(kept, target));
      } catch (older) {
        if (!isNotFound(older)) throw older;
      }
    }
    if (found.length === 0) throw error;
    return found;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof HeadwaterError && error.code === "NOT_FOUND";
}

/** How many images one line of history names; a generation file stays small. */
const NAMED = 5;

function summary(images: readonly ImageRow[]): string {
  const named = images
    .slice(0, NAMED)
    .map((image) => `${image.product} ${image.version} ${image.fingerprint.slice(0, 12)}`);
  const more = images.length > NAMED ? [`and ${images.length - NAMED} more`] : [];
  return [...named, ...more].join(", ");
}

/** The blobs of these images that no image still listed needs, such as a metadata file that two builds share. */
function blobsOnlyIn(images: readonly ImageRow[], after: readonly ImageStream[]): Sha256[] {
  const listed = new Set(imageRows(after).flatMap((image) => image.files.map((file) => file.sha256)));
  const removed = new Set(images.flatMap((image) => image.files.map((file) => file.sha256)));
  return [...removed].filter((sha256) => !listed.has(sha256));
}

/** What else holds parts of their bytes: deltas to these images, and what LXC gets of them. Kept generations may list some that the newest does not. */
async function madeOf(
  store: Store,
  images: readonly ImageRow[],
  leaked: readonly Sha256[],
): Promise<Sha256[]> {
  const fingerprints = new Set(images.map(({ fingerprint }) => fingerprint));
  const sources = new Set(leaked);
  const newest = await store.newest();
  const made = new Set<Sha256>();
  for (const number of numbersOf(newest?.keeps ?? [])) {
    const streams = await readStreams(store, await store.generation(number));
    for (const row of imageRows(streams).filter(({ fingerprint }) => fingerprints.has(fingerprint))) {
      for (const { sha256 } of row.deltas) made.add(sha256);
    }
    for (const stream of streams) for (const sha256 of lxcBytesMadeFrom(stream, sources)) made.add(sha256);
  }
  return [...made].filter((sha256) => !sources.has(sha256));
}

function unique(images: readonly ImageRow[]): ImageRow[] {
  return [...new Map(images.map((image) => [`${image.stream} ${image.fingerprint}`, image])).values()];
}

/** The image stream without these images; versions and products that have none left go too. */
export function without(
  stream: ImageStream,
  images: readonly Pick<ImageRow, "stream" | "fingerprint">[],
): ImageStream {
  const gone = new Set(
    images.filter((image) => image.stream === stream.name).map((image) => image.fingerprint),
  );
  if (gone.size === 0) return stream;
  const products = new Map<string, Product>();
  for (const [key, product] of stream.products.products) {
    const versions = new Map<string, Version>();
    for (const [name, version] of product.versions) {
      const left = withoutItems(version, gone);
      if (left !== undefined) versions.set(name, left);
    }
    if (versions.size > 0) products.set(key, { ...product, versions });
  }
  return { ...stream, products: { ...stream.products, products } };
}

function withoutItems(version: Version, gone: ReadonlySet<string>): Version | undefined {
  const images = fingerprintsOf(version);
  const taken = images.filter((image) => gone.has(image.fingerprint));
  const keys = new Set(taken.flatMap((image) => image.itemKeys));
  if (keys.size === 0) return version;
  const items = new Map([...version.items].filter(([key]) => !keys.has(key)));
  return fingerprintsOf({ ...version, items }).length === 0 ? undefined : { ...version, items };
}

function movedAliases(images: readonly ImageRow[], after: readonly ImageStream[]): Removed["aliases"] {
  const moved = new Map<string, string | undefined>();
  for (const image of images) {
    const product = after
      .find((stream) => stream.name === image.stream)
      ?.products.products.get(image.product);
    const version = product === undefined ? undefined : newestVersion(product.versions.keys());
    if (version === image.version) continue;
    for (const alias of image.aliases) moved.set(alias, version);
  }
  return [...moved].map(([alias, version]) => ({ alias, version }));
}

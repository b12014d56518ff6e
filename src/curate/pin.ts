import { HeadwaterError } from "../error.ts";
import { readStreams } from "../publish/read-streams.ts";
import { aliasTargets, Pinned, withTargets } from "../retention/pinned.ts";
import type { Generation } from "../store/generation.ts";
import { numbersOf } from "../store/keeps.ts";
import { keptGeneration } from "../store/kept-generation.ts";
import {
  isSamePin,
  type Pin,
  type PinnedAlias,
  type PinnedGeneration,
  type PinnedImage,
  type PinnedVersion,
  pinName,
} from "../store/pins.ts";
import type { Store } from "../store/store.ts";
import { type ImageRow, imageRows } from "../views/image-rows.ts";
import type { ImageStream } from "../views/image-stream.ts";
import { changePins, type PinsChange } from "./change-pins.ts";
import { findImages } from "./find-images.ts";
import type { PinWish } from "./pin-wish.ts";

export interface Pinning {
  /** Undefined when all was pinned already. */
  readonly generation: Generation | undefined;
  /** What is pinned now, also what was before. */
  readonly pins: readonly Pin[];
  /** Images of caches that are not here: a pin fetches nothing. */
  readonly notHeld: readonly ImageRow[];
}

/**
 * Makes something stay: an image by its fingerprint, versions, everything an alias leads to, or a whole generation.
 * @throws NOT_FOUND when nothing of that name is listed, GENERATION_GONE for a generation whose files may be gone, USAGE when a
 * fingerprint is too short to tell
 */
export async function pin(
  store: Store,
  wish: PinWish,
  { note, now = Date.now }: { readonly note?: string | undefined; readonly now?: () => number } = {},
): Promise<Pinning> {
  const facts = { pinnedAt: new Date(now()).toISOString(), ...(note === undefined ? {} : { note }) };
  let found: Omit<Pinning, "generation"> = { pins: [], notHeld: [] };
  const change = async (pins: readonly Pin[], base: Generation): Promise<PinsChange | undefined> => {
    const streams = await readStreams(store, base);
    const targets = await targetsOf(store, { wish, base, streams });
    const wanted = targets.map((target) => Object.assign(target, facts));
    found = { pins: wanted.map((one) => known(pins, one) ?? one), notHeld: notHeld(streams, wanted) };
    const added = wanted.filter((one) => known(pins, one) === undefined);
    if (added.length === 0) return undefined;
    return { reason: { verb: "pin", text: summary(added) }, pins: [...pins, ...added] };
  };
  const generation = await changePins(store, change, { now });
  if (found.pins.length === 0) throw notFound(wish.kind === "target" ? wish.target : "what is wanted");
  return { ...found, generation };
}

function known(pins: readonly Pin[], wanted: Pin): Pin | undefined {
  return pins.find((one) => isSamePin(one, wanted));
}

type Target = PinnedImage | PinnedVersion | PinnedAlias | PinnedGeneration;

interface Looking {
  readonly wish: PinWish;
  readonly base: Generation;
  readonly streams: readonly ImageStream[];
}

async function targetsOf(store: Store, { wish, base, streams }: Looking): Promise<readonly Target[]> {
  if (wish.kind === "generation")
    return [{ kind: "generation", generation: (await keptGeneration(store, wish.name)).number }];
  if (wish.kind === "alias") return [await aliasTarget(store, base, wish.alias)];
  const { target, version } = wish;
  const images = findImages(streams, target);
  const isFingerprint = images.every(
    (image) =>
      image.fingerprint.startsWith(target) && image.product !== target && !image.aliases.includes(target),
  );
  if (isFingerprint && version === undefined)
    return [...new Set(images.map(({ fingerprint }) => fingerprint))].map((fingerprint) => ({
      kind: "image" as const,
      fingerprint,
    }));
  const names = version === undefined ? images : ofVersion(streams, images, version);
  return unique(names);
}

/** The images of one version of the products that are meant. */
function ofVersion(
  streams: readonly ImageStream[],
  meant: readonly ImageRow[],
  version: string,
): readonly ImageRow[] {
  const products = new Set(meant.map(({ stream, product }) => `${stream}/${product}`));
  const all = imageRows(streams).filter(({ stream, product }) => products.has(`${stream}/${product}`));
  const found = all.filter((image) => image.version === version);
  if (found.length > 0) return found;
  const versions = [...new Set(all.map((image) => image.version))];
  throw new HeadwaterError("NOT_FOUND", `${meant[0]?.product ?? ""} has no version "${version}"`, {
    hint: `It has ${versions.slice(0, 5).join(", ")}${versions.length > 5 ? ", ..." : ""}`,
    details: { version, versions },
  });
}

/** The pins of their versions, each once. */
function unique(images: readonly ImageRow[]): PinnedVersion[] {
  const names = images.map(({ stream, product, version }) => ({
    kind: "version" as const,
    stream,
    product,
    version,
  }));
  return [...new Map(names.map((name) => [JSON.stringify(name), name])).values()];
}

/** What the alias leads to, now and in every generation that is still complete. */
async function aliasTarget(store: Store, base: Generation, alias: string): Promise<PinnedAlias> {
  let target: PinnedAlias = { kind: "alias", alias, versions: [] };
  const seen = new Set<string>();
  for (const number of [base.number, ...[...numbersOf(base.keeps)].reverse()]) {
    const generation = number === base.number ? base : await store.generation(number);
    if (generation === undefined) continue;
    const lists = generation.streams.flatMap(({ products }) =>
      products.map((path) => generation.documents[path]?.sha256),
    );
    const key = lists.join(" ");
    if (seen.has(key)) continue;
    seen.add(key);
    target = withTargets(target, aliasTargets(alias, await readStreams(store, generation)));
  }
  if (target.versions.length === 0) throw notFound(alias);
  return target;
}

function notHeld(streams: readonly ImageStream[], pins: readonly Pin[]): ImageRow[] {
  const pinned = new Pinned(pins);
  const caches = streams.filter(({ origin }) => origin === "cache");
  if (pinned.isEmpty || caches.length === 0) return [];
  return imageRows(caches).filter(({ held, ...image }) => {
    const stream = caches.find(({ name }) => name === image.stream);
    const version = stream?.products.products.get(image.product)?.versions.get(image.version);
    return !held && version !== undefined && pinned.of(image, version) !== undefined;
  });
}

/** How many pins one line of history names; a generation file stays small. */
const NAMED = 3;

function summary(pins: readonly Pin[]): string {
  const more = pins.length > NAMED ? [`and ${pins.length - NAMED} more`] : [];
  return [...pins.slice(0, NAMED).map(pinName), ...more].join(", ");
}

function notFound(what: string): HeadwaterError {
  return new HeadwaterError("NOT_FOUND", `no product, alias or fingerprint "${what}" is listed`, {
    hint: "headwater list shows what is. A generation that still lists it can be pinned: headwater pin @NUMBER.",
    details: { target: what },
  });
}

import type { BundleList } from "../../bundle/bundle-list.ts";
import { HeadwaterError } from "../../error.ts";
import type { BundleMark } from "../../store/generation.ts";
import type { ImageStream } from "../../views/image-stream.ts";
import { isStreamName } from "../../views/stream-name.ts";
import type { Incoming } from "./incoming.ts";

/** What the images of a site are called elsewhere, when nobody says: `images` is for what is made there. */
export const CARRIED = "carried";

export interface Placing {
  /** What image streams of the bundle are to be called here, by their names there. */
  readonly names: ReadonlyMap<string, string>;
  /** Also over an image stream that came another way, and over a newer bundle. */
  readonly force: boolean;
}

/** An image stream of a bundle with its place here. */
export interface Placed {
  readonly incoming: Incoming;
  readonly name: string;
  /** What is there now. */
  readonly before: ImageStream | undefined;
}

/**
 * Where the image streams of a bundle go: where an earlier bundle of the same store put them, else under their own names. Throws NAME_TAKEN,
 * NAME_INVALID, and BUNDLE_UNTIMELY when a newer bundle has been applied.
 */
export function placesOf(
  current: readonly ImageStream[],
  list: BundleList,
  { incoming, names, force }: Placing & { readonly incoming: readonly Incoming[] },
): readonly Placed[] {
  const places = incoming.flatMap((one) => {
    const { stream } = one;
    const earlier = current.find(({ upstream }) => isMarked(upstream?.record.bundle, list, stream.name));
    const name = names.get(stream.name) ?? earlier?.name ?? (stream.isOwn ? CARRIED : stream.name);
    if (!isStreamName(name)) throw invalidName(name, stream.name);
    const before = current.find((other) => other.name === name);
    // It left the selection, and was never here.
    if (stream.products.length === 0 && before === undefined) return [];
    const mark = before?.upstream?.record.bundle;
    if (before !== undefined && !isMarked(mark, list, stream.name) && (!force || before.origin === "own"))
      throw nameTaken(name, stream.name);
    if (mark !== undefined && !force && Date.parse(mark.createdAt) > Date.parse(list.createdAt))
      throw older(list, mark);
    return [{ incoming: one, name, before }];
  });
  const twice = places.find(({ name }, at) => places.findIndex((other) => other.name === name) !== at);
  if (twice !== undefined) throw takenTwice(twice.name, twice.incoming.stream.name);
  return places;
}

/** Whether this very bundle has been applied. */
export function areApplied(placed: readonly Placed[], { id }: BundleList): boolean {
  return placed.every(({ before }) => before?.upstream?.record.bundle?.id === id);
}

/**
 * All image streams as they should be: each where it was, new ones last, in the order of the bundle; one that got another name, not twice.
 * @param made by name: what became of those that were placed; one that is missing has gone
 */
export function withPlaced(
  current: readonly ImageStream[],
  { list, placed }: { readonly list: BundleList; readonly placed: readonly Placed[] },
  made: ReadonlyMap<string, ImageStream>,
): readonly ImageStream[] {
  const names = new Set(placed.map(({ name }) => name));
  const kept = current.flatMap((stream) => {
    const mark = stream.upstream?.record.bundle;
    const isRenamed = placed.some(({ incoming }) => isMarked(mark, list, incoming.stream.name));
    if (!names.has(stream.name)) return isRenamed ? [] : [stream];
    const next = made.get(stream.name);
    return next === undefined ? [] : [stream.lxc === undefined ? next : { ...next, lxc: stream.lxc }];
  });
  const there = new Set(kept.map(({ name }) => name));
  return [...kept, ...[...made.values()].filter(({ name }) => !there.has(name))];
}

function isMarked(mark: BundleMark | undefined, { store }: BundleList, stream: string): boolean {
  return mark?.store === store && mark.stream === stream;
}

function nameTaken(name: string, stream: string): HeadwaterError {
  return new HeadwaterError(
    "NAME_TAKEN",
    `The image stream ${name} is here already, and not from such a bundle.`,
    {
      hint: `Give it another name here: --as ${stream}=NAME. --force takes the place of an upstream that is no longer read.`,
      details: { name },
    },
  );
}

/** A site that passes on what it was carried has images of its own besides. */
function takenTwice(name: string, stream: string): HeadwaterError {
  return new HeadwaterError("NAME_TAKEN", `Two image streams of the bundle would be called ${name} here.`, {
    hint: `Give one of them another name: --as ${stream}=NAME.`,
    details: { name },
  });
}

function invalidName(name: string, stream: string): HeadwaterError {
  return new HeadwaterError(
    "NAME_INVALID",
    `An image stream cannot be called ${JSON.stringify(name)} here.`,
    {
      hint: `Give it another name of lower-case letters, digits and -: --as ${stream}=NAME.`,
      details: { name },
    },
  );
}

function older(list: BundleList, mark: BundleMark): HeadwaterError {
  return new HeadwaterError(
    "BUNDLE_UNTIMELY",
    `The bundle was made at ${list.createdAt}, and one of ${mark.createdAt} has been applied.`,
    {
      hint: "--force goes back to it.",
      details: { createdAt: list.createdAt, applied: mark.createdAt },
    },
  );
}

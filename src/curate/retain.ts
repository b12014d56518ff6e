import { hashesIn, imagesOf } from "../publish/read-streams.ts";
import { publish } from "../publish/publish.ts";
import { rewrittenDocuments } from "../publish/upstream-root.ts";
import { type Judgement, judge, retained } from "../retention/judge.ts";
import { Pinned } from "../retention/pinned.ts";
import { hasRulesFor, type RetentionPolicy } from "../retention/policy.ts";
import { unusedRules } from "../retention/unused-rules.ts";
import type { Listing } from "../simplestreams/listing.ts";
import type { Version } from "../simplestreams/products.ts";
import type { Generation } from "../store/generation.ts";
import { contains, withNumber } from "../store/keeps.ts";
import { pinnedGenerations, readPins } from "../store/pins.ts";
import type { Store, StoreWriter } from "../store/store.ts";
import { readDates } from "../store/version-dates.ts";
import { type ImageStream, listingOf } from "../views/image-stream.ts";
import { withUsableDeltasInAll } from "../views/usable-deltas.ts";
import { type Freed, freedBytes } from "./freed-bytes.ts";

/** What the rules made of the lists, or would. */
export interface Retained {
  /** Undefined when nothing had to go, and with `dryRun`. */
  readonly generation: Generation | undefined;
  readonly goes: readonly (JudgedVersion & Freed)[];
  /** What the rules alone would have let go. */
  readonly kept: readonly JudgedVersion[];
  /** Generations that pins keep complete. */
  readonly pinnedGenerations: readonly number[];
  /** Rules that are about nothing, as sentences. */
  readonly unusedRules: readonly string[];
}

export interface JudgedVersion extends Judgement {
  readonly stream: string;
  /** Its files for LXC, which go with it. */
  readonly lxc: Version | undefined;
}

export interface RetainOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly dryRun?: boolean;
}

/**
 * Takes off the lists what no rule keeps, in one generation; nothing is published when nothing goes. Files stay for the grace period and
 * are freed by `prune`, as those of any image that left the lists. Caches have no rules: what they hold goes by eviction.
 */
export async function retain(
  store: Store,
  policy: RetentionPolicy,
  { now, dryRun = false }: RetainOptions,
): Promise<Retained> {
  const writer = await store.writer("retention");
  try {
    let found: Omit<Retained, "generation"> = { goes: [], kept: [], pinnedGenerations: [], unusedRules: [] };
    const change = async (streams: readonly ImageStream[], base: Generation | undefined) => {
      const pins = await readPins(store, base);
      const context = { store, writer, base, policy, pins: new Pinned(pins), now };
      const judged: JudgedVersion[] = [];
      const after: ImageStream[] = [];
      for (const stream of streams) {
        const judgements = await judgementsOf(stream, context);
        for (const one of judgements) judged.push({ ...one, stream: stream.name, lxc: lxcOf(stream, one) });
        after.push(await withoutGone(stream, judgements, writer));
      }
      const goes = judged.filter(({ stays }) => stays === undefined);
      const pinned = await keptOf(store, base, pinnedGenerations(pins));
      found = {
        goes: await freedBytes(store, goes, { after, pinned }),
        kept: judged.filter(({ stays, against }) => stays !== undefined && against !== undefined),
        pinnedGenerations: pinned.map(({ number }) => number),
        unusedRules: unusedRules(policy, streams),
      };
      if (dryRun || after.every((stream, at) => stream === streams[at])) return undefined;
      return { reason: { verb: "retention", text: summary(goes) }, streams: after };
    };
    const generation = await publish(store, writer, change, { now: () => now });
    return { ...found, generation };
  } finally {
    await writer.close();
  }
}

interface Context {
  readonly store: Store;
  readonly base: Generation | undefined;
  readonly policy: RetentionPolicy;
  readonly pins: Pinned;
  readonly now: number;
}

async function judgementsOf(
  stream: ImageStream,
  { store, base, policy, pins, now }: Context,
): Promise<readonly Judgement[]> {
  if (stream.origin === "cache" || !hasRulesFor(policy, stream.name)) return [];
  const dates = await readDates(
    store,
    base?.streams.find(({ name }) => name === stream.name),
  );
  return judge(listingOf(stream), { stream: stream.name, policy, dates, pins, nowMs: now });
}

function lxcOf({ lxc }: ImageStream, { place }: Judgement): Version | undefined {
  return lxc?.products.get(place.productName)?.versions.get(place.versionName);
}

/** The same object when nothing of it goes. */
async function withoutGone(
  stream: ImageStream,
  judgements: readonly Judgement[],
  writer: StoreWriter,
): Promise<ImageStream> {
  if (judgements.length === 0) return stream;
  const { listing: left, isChanged } = retained(listingOf(stream), judgements);
  if (!isChanged) return stream;
  const listing = withUsableDeltasInAll(left);
  const { upstream } = stream;
  if (upstream === undefined) return { ...stream, products: onlyFile(listing, stream) };
  const dropped = upstream.state.dropped?.filter(({ product, version }) =>
    [...listing.values()].some(({ products }) => products.get(product)?.versions.has(version) === true),
  );
  return {
    ...stream,
    products: imagesOf(listing, stream.name),
    upstream: {
      record: { ...upstream.record, isVerbatim: false },
      state: { ...upstream.state, ...(dropped === undefined ? {} : { dropped }) },
      documents: await rewrittenDocuments(writer, upstream.documents, listing),
      productsPaths: [...listing.keys()],
      listing,
      holds: hashesIn(listing),
    },
  };
}

function onlyFile(listing: Listing, stream: ImageStream): ImageStream["products"] {
  const [file] = listing.values();
  return file ?? { ...stream.products, products: new Map() };
}

/** Those that are still complete, the newest first. */
async function keptOf(
  store: Store,
  base: Generation | undefined,
  numbers: ReadonlySet<number>,
): Promise<Generation[]> {
  const found: Generation[] = [];
  const keeps = base === undefined ? [] : withNumber(base.keeps, base.number);
  for (const number of [...numbers].sort((one, other) => other - one)) {
    if (!contains(keeps, number)) continue;
    const generation = await store.generation(number);
    if (generation !== undefined) found.push(generation);
  }
  return found;
}

/** How many versions one line of history names; a generation file stays small. */
const NAMED = 3;

function summary(goes: readonly JudgedVersion[]): string {
  if (goes.length === 0) return "deltas that have no base any more";
  const named = goes.slice(0, NAMED).map(({ place }) => `${place.productName} ${place.versionName}`);
  return [...named, ...(goes.length > NAMED ? [`and ${goes.length - NAMED} more`] : [])].join(", ");
}

import type { BundleList } from "../../bundle/bundle-list.ts";
import { imagesOf } from "../../publish/read-streams.ts";
import { rewrittenDocuments, stageRoot } from "../../publish/upstream-root.ts";
import { Pinned } from "../../retention/pinned.ts";
import type { RetentionPolicy } from "../../retention/policy.ts";
import type { DocumentRecord, Generation } from "../../store/generation.ts";
import { readPins } from "../../store/pins.ts";
import type { Store, StoreWriter } from "../../store/store.ts";
import { readDates } from "../../store/version-dates.ts";
import { type ImageStream, listingOf } from "../../views/image-stream.ts";
import { rewrittenRoot, verbatimRoot } from "../sync/own-root.ts";
import { filesOf, type Plan, planMirror } from "../sync/plan.ts";
import type { Placed } from "./place-streams.ts";

/** An image stream of a bundle with what is to be listed of it here. */
export interface PlannedStream {
  readonly placed: Placed;
  readonly plan: Plan;
}

/**
 * What is to be listed once a bundle is applied: as for a mirror, what the bundle says, without what the rules here do not keep, and with what
 * they keep or somebody pinned, whatever the bundle says.
 */
export async function planStreams(
  store: Store,
  base: Generation | undefined,
  what: { readonly placed: readonly Placed[]; readonly retention: RetentionPolicy; readonly now: number },
): Promise<readonly PlannedStream[]> {
  const { retention, now } = what;
  const pins = new Pinned(await readPins(store, base));
  return Promise.all(
    what.placed.map(async (placed) => {
      const { incoming, name, before } = placed;
      const record = base?.streams.find((stream) => stream.name === name);
      const plan = planMirror({
        stream: name,
        upstream: incoming.listing,
        held: before === undefined ? new Map() : listingOf(before),
        dropped: before?.upstream?.state.dropped ?? [],
        seenAt: before?.upstream?.record.fetchedAt ?? new Date(now).toISOString(),
        policy: { retention },
        pins,
        dates: await readDates(store, record),
        isOdd: !incoming.isSame,
        now,
      });
      return { placed, plan };
    }),
  );
}

/** A mirror that nobody keeps up to date but the next bundle; undefined when nothing of it is left. */
export async function carriedStream(
  writer: StoreWriter,
  { placed, plan }: PlannedStream,
  list: BundleList,
): Promise<ImageStream | undefined> {
  const { listing, dropped } = plan;
  if (filesOf(listing).size === 0) return undefined;
  const { name, incoming } = placed;
  const { stream } = incoming;
  const { url, isPublic, aliasPrefix, twins } = stream;
  return {
    name,
    origin: "mirror",
    products: imagesOf(listing, name),
    upstream: {
      record: {
        url: url ?? "",
        isPublic,
        isVerbatim: stream.isVerbatim && !plan.isChanged,
        aliasPrefix,
        twins,
        offline: true,
        fetchedAt: list.createdAt,
        bundle: { store: list.store, stream: stream.name, id: list.id, createdAt: list.createdAt },
      },
      state: { dropped },
      documents: await documentsOf(writer, { placed, plan }),
      productsPaths: [...listing.keys()],
      listing,
      holds: new Set(filesOf(listing).keys()),
    },
  };
}

async function documentsOf(
  writer: StoreWriter,
  { placed, plan }: PlannedStream,
): Promise<ReadonlyMap<string, DocumentRecord>> {
  const { fetched } = placed.incoming;
  // Nothing of it is in the bundle any more: what stays, stays where it was.
  if (fetched === undefined)
    return rewrittenDocuments(writer, placed.before?.upstream?.documents ?? new Map(), plan.listing);
  const root = plan.isChanged ? rewrittenRoot(fetched, plan.listing) : verbatimRoot(fetched);
  return stageRoot(writer, root.documents);
}

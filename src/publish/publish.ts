import { commit, type Draft } from "../store/commit.ts";
import type { DocumentRecord, Generation, Reason } from "../store/generation.ts";
import { withNumber, without } from "../store/keeps.ts";
import { pinsAfter } from "../retention/pinned.ts";
import { pinsThatFollow } from "../retention/pins-that-follow.ts";
import { encodePins, type Pin, readPins } from "../store/pins.ts";
import type { Store, StoreWriter } from "../store/store.ts";
import { renderDocuments } from "../views/documents.ts";
import type { ImageStream } from "../views/image-stream.ts";
import { withCurrentLxc } from "../views/lxc-files.ts";
import { RULES } from "../views/rules.ts";
import { withUsableDeltasIn } from "../views/usable-deltas.ts";
import { readStreams } from "./read-streams.ts";
import { signatures } from "./signatures.ts";
import { stageDocument } from "./stage-document.ts";
import { blobsOf, recordsOf } from "./stream-record.ts";

export interface Change {
  readonly reason: Reason;
  /** All image streams, in order of precedence. */
  readonly streams: readonly ImageStream[];
  /** Left out: as they are. Read with what the image streams are read from. */
  readonly pins?: readonly Pin[];
  /** Generations to give up, when what they list is damaged. */
  readonly givesUp?: (number: number) => boolean;
}

export interface PublishOptions {
  /** How the newest generation is read; a repair must not stumble over the document that it mends. */
  readonly read?: (base: Generation | undefined) => Promise<readonly ImageStream[]>;
  /** The same for its pins. */
  readonly readPins?: (base: Generation | undefined) => Promise<readonly Pin[]>;
  readonly now?: () => number;
  /** Whether everything is signed again, also what the newest generation has signatures of. */
  readonly signsAnew?: boolean;
}

/**
 * Makes one generation out of the newest one. `change` gets the image streams as they are and returns them as they
 * should be, or undefined when there is nothing to do; it runs again on top of the winner when another writer was
 * faster, so it must not remember what it saw before. Documents are rendered here, once, and never again.
 * @returns the generation made, or undefined when `change` wanted none
 */
export async function publish(
  store: Store,
  writer: StoreWriter,
  change: (
    streams: readonly ImageStream[],
    base: Generation | undefined,
  ) => Change | undefined | Promise<Change | undefined>,
  options: PublishOptions = {},
): Promise<Generation | undefined> {
  const {
    read = (base) => readStreams(store, base),
    readPins: pinsOf = (base) => readPins(store, base),
    signsAnew: isAnew = false,
    now = Date.now,
  } = options;
  const sign = signatures(store, writer);
  const build = async (base: Generation | undefined): Promise<Draft | undefined> => {
    const before = await read(base);
    const wanted = await change(before, base);
    if (wanted === undefined) return undefined;
    const nowMs = now();
    // A clock that was set back must not make anything look old: what goes by its age would go at once.
    const datedMs = Math.max(nowMs, base === undefined ? nowMs : Date.parse(base.createdAt));
    const listed = wanted.streams.map((stream) => withCurrentLxc(ownWithUsableDeltas(stream)));
    const rendered = renderDocuments(listed, new Date(nowMs));
    const documents: Record<string, DocumentRecord> = Object.create(null) as Record<string, DocumentRecord>;
    const stored = await Promise.all(
      rendered.documents.map(
        async ({ path, text, type }) => [path, await stageDocument(writer, text, type)] as const,
      ),
    );
    for (const [path, record] of stored) documents[path] = record;
    const recording = { store, writer, base, documents, hidden: rendered.hidden, nowMs: datedMs };
    const streams = await recordsOf(listed, recording);
    const texts = new Map(rendered.documents.map(({ path, text }) => [path, text]));
    Object.assign(documents, await sign({ streams, documents, texts, base, isAnew }));
    const followed = pinsThatFollow(wanted.pins ?? (await pinsOf(base)), before, listed);
    const pins = await encodePins(pinsAfter(followed, listed));
    const pinned = pins === undefined ? undefined : await writer.put(pins);
    const draft = {
      reason: wanted.reason,
      rules: RULES,
      streams,
      documents,
      pins: pinned ?? ("none" as const),
      blobs: [...blobsOf(listed, streams), ...(pinned === undefined ? [] : [pinned.sha256])],
    };
    if (base === undefined || wanted.givesUp === undefined) return draft;
    return { ...draft, keeps: without(withNumber(base.keeps, base.number), wanted.givesUp) };
  };
  return commit(store, writer, build, { now });
}

/**
 * Whatever took a base off the lists, or gave a version another root: what no longer fits goes with it, here, so that no way of changing the
 * lists has to think of it. An upstream's own root is what the sync made of it, and the merged root sees to itself.
 */
function ownWithUsableDeltas(stream: ImageStream): ImageStream {
  if (stream.upstream !== undefined) return stream;
  const products = withUsableDeltasIn(stream.products);
  return products === stream.products ? stream : { ...stream, products };
}

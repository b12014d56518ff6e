import { HeadwaterError } from "../error.ts";
import type { Generation } from "../store/generation.ts";
import { keptGeneration } from "../store/kept-generation.ts";
import type { Store } from "../store/store.ts";
import { type Change, publish } from "../publish/publish.ts";
import { readStreams } from "../publish/read-streams.ts";
import { pinsForLeft } from "../retention/pins-for-left.ts";
import { type Pin, readPins } from "../store/pins.ts";
import type { ImageStream } from "../views/image-stream.ts";
import { withLxcOf } from "../views/lxc-files.ts";

/**
 * Publishes again what an earlier generation listed, all of it or one image stream. Nothing is undone: history goes on,
 * and daemons follow the aliases back, since they take whatever fingerprint an alias has. Image streams of upstreams stay as
 * they are now: they say what is there and what is here of it, and neither goes back. Pins stay as they are, too.
 * @returns undefined when that generation is the newest
 * @throws NOT_FOUND when there was no such generation or image stream, GENERATION_GONE when its files may be gone
 */
export async function rollback(
  store: Store,
  number: number,
  options: { readonly stream?: string } = {},
): Promise<Generation | undefined> {
  const writer = await store.writer("rollback");
  try {
    return await publish(store, writer, async (current, base) => {
      const target = await keptGeneration(store, String(number));
      // The newest is listed already.
      if (target.number === (await store.newest())?.number) return undefined;
      const then = await readStreams(store, target);
      const { stream } = options;
      if (stream === undefined) {
        const own = then.filter(({ origin }) => origin === "own").map((one) => withLxcOfNow(one, current));
        const upstreams = current.filter(({ origin }) => origin !== "own");
        const change = { text: `to generation ${number}`, streams: [...own, ...upstreams] };
        return changeTo(change, { current, base, pins: await readPins(store, base) });
      }
      const replacement = then.find((one) => one.name === stream);
      if ([replacement, ...current].some((one) => one?.name === stream && one.origin !== "own"))
        throw fromUpstream(stream);
      if (replacement === undefined) {
        throw new HeadwaterError("NOT_FOUND", `generation ${number} has no image stream "${stream}"`);
      }
      const others = current.filter((one) => one.name !== stream);
      const at = current.findIndex((one) => one.name === stream);
      const next = withLxcOfNow(replacement, current);
      const streams = others.toSpliced(at === -1 ? others.length : at, 0, next);
      const change = { text: `${stream} to generation ${number}`, streams };
      return changeTo(change, { current, base, pins: await readPins(store, base) });
    });
  } finally {
    await writer.close();
  }
}

/** Pinned images may go off the lists: an alias must not lead to them any more. */
function changeTo(
  { text, streams }: { readonly text: string; readonly streams: readonly ImageStream[] },
  {
    current,
    base,
    pins,
  }: {
    readonly current: readonly ImageStream[];
    readonly base: Generation | undefined;
    readonly pins: readonly Pin[];
  },
): Change {
  const after = pinsForLeft(current, streams, { base, pins, why: `rollback ${text}` });
  const more = after === undefined ? "" : `; generation ${base?.number} is pinned for pinned images in it`;
  const reason = { verb: "rollback", text: `${text}${more}` };
  return { reason, streams, ...(after === undefined ? {} : { pins: after }) };
}

/** What LXC gets of a build is as good as it was, whenever it was made. */
function withLxcOfNow(stream: ImageStream, current: readonly ImageStream[]): ImageStream {
  const now = current.find(({ name }) => name === stream.name);
  return now === undefined ? stream : withLxcOf(stream, now);
}

function fromUpstream(stream: string): HeadwaterError {
  return new HeadwaterError(
    "USAGE",
    `the image stream "${stream}" comes from an upstream, and does not go back`,
    {
      hint: "What a generation listed stays at /@NUMBER/ for as long as it is kept.",
      details: { stream },
    },
  );
}

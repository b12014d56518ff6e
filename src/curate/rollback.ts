import { HeadwaterError } from "../error.ts";
import type { Generation } from "../store/generation.ts";
import { keptGeneration } from "../store/kept-generation.ts";
import type { Store } from "../store/store.ts";
import { type Change, publish } from "../publish/publish.ts";
import { readStreams } from "../publish/read-streams.ts";
import { Pinned, pinnedVersions } from "../retention/pinned.ts";
import { isSamePin, type Pin, readPins } from "../store/pins.ts";
import type { ImageStream } from "../views/image-stream.ts";

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
        const own = then.filter(({ origin }) => origin === "own");
        const upstreams = current.filter(({ origin }) => origin !== "own");
        const change = { text: `to generation ${number}`, streams: [...own, ...upstreams] };
        return withLeftPins(change, { current, base, pins: await readPins(store, base) });
      }
      const replacement = then.find((one) => one.name === stream);
      if ([replacement, ...current].some((one) => one?.name === stream && one.origin !== "own"))
        throw fromUpstream(stream);
      if (replacement === undefined) {
        throw new HeadwaterError("NOT_FOUND", `generation ${number} has no image stream "${stream}"`);
      }
      const others = current.filter((one) => one.name !== stream);
      const at = current.findIndex((one) => one.name === stream);
      const streams = others.toSpliced(at === -1 ? others.length : at, 0, replacement);
      const change = { text: `${stream} to generation ${number}`, streams };
      return withLeftPins(change, { current, base, pins: await readPins(store, base) });
    });
  } finally {
    await writer.close();
  }
}

/**
 * A rollback takes pinned images off the lists when they are newer than what it goes back to: an alias must not lead to them any more.
 * They stay all the same, in the generation that lists them, which is pinned for them.
 */
function withLeftPins(
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
  const pinned = new Pinned(pins);
  const isLeft = current.some((stream) => {
    const after = streams.find(({ name }) => name === stream.name);
    return pinnedVersions(stream, pinned).some(
      ({ product, version }) => after?.products.products.get(product)?.versions.has(version) !== true,
    );
  });
  if (!isLeft || base === undefined) return { reason: { verb: "rollback", text }, streams };
  const { number } = base;
  const kept = {
    kind: "generation" as const,
    generation: number,
    note: `has pinned images that went off the lists: rollback ${text}`,
    pinnedAt: new Date().toISOString(),
  };
  return {
    reason: { verb: "rollback", text: `${text}; generation ${number} is pinned for pinned images in it` },
    streams,
    pins: pins.some((pin) => isSamePin(pin, kept)) ? pins : [...pins, kept],
  };
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

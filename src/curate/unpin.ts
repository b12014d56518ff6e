import { HeadwaterError } from "../error.ts";
import { readStreams } from "../publish/read-streams.ts";
import { aliasTargets } from "../retention/pinned.ts";
import type { Generation } from "../store/generation.ts";
import { keptGeneration } from "../store/kept-generation.ts";
import { type Pin, pinName } from "../store/pins.ts";
import type { Store } from "../store/store.ts";
import { changePins } from "./change-pins.ts";
import type { PinWish } from "./pin-wish.ts";

export interface Unpinned {
  readonly generation: Generation | undefined;
  readonly pins: readonly Pin[];
}

/**
 * Takes pins away. What they kept against the rules goes with the next prune, or the next sync of its upstream.
 * @throws NOT_FOUND when nothing of that name is pinned, USAGE when a fingerprint is too short to tell
 */
export async function unpin(store: Store, wish: PinWish): Promise<Unpinned> {
  let gone: readonly Pin[] = [];
  const generation = await changePins(store, async (pins, base) => {
    const meant = await meantBy(store, base, wish);
    gone = pins.filter(meant);
    if (gone.length === 0) return undefined;
    refuseUnclear(gone);
    return {
      reason: { verb: "unpin", text: gone.slice(0, 3).map(pinName).join(", ") },
      pins: pins.filter((pin) => !gone.includes(pin)),
    };
  });
  if (gone.length > 0) return { generation, pins: gone };
  throw new HeadwaterError("NOT_FOUND", "nothing of that name is pinned", {
    hint: "headwater pins shows what is.",
  });
}

async function meantBy(store: Store, base: Generation, wish: PinWish): Promise<(pin: Pin) => boolean> {
  if (wish.kind === "alias") return (pin) => pin.kind === "alias" && pin.alias === wish.alias;
  if (wish.kind === "generation") {
    // A pinned generation may have been given up all the same, by `remove --now`.
    const isNumber = /^\d+$/.test(wish.name);
    const number = isNumber ? Number(wish.name) : (await keptGeneration(store, wish.name)).number;
    return (pin) => pin.kind === "generation" && pin.generation === number;
  }
  const { target, version } = wish;
  const products = new Set([target]);
  for (const { product } of aliasTargets(target, await readStreams(store, base))) products.add(product);
  return (pin) => {
    if (pin.kind === "version")
      return products.has(pin.product) && (version === undefined || pin.version === version);
    return (
      pin.kind === "image" &&
      version === undefined &&
      /^[0-9a-f]+$/.test(target) &&
      pin.fingerprint.startsWith(target)
    );
  };
}

function refuseUnclear(gone: readonly Pin[]): void {
  const fingerprints = gone.flatMap((pin) => (pin.kind === "image" ? [pin.fingerprint] : []));
  if (fingerprints.length < 2) return;
  throw new HeadwaterError("USAGE", `that is the beginning of ${fingerprints.length} pinned fingerprints`, {
    hint: "Give more of its digits.",
    details: { fingerprints },
  });
}

import type { Generation } from "../store/generation.ts";
import { isSamePin, type Pin } from "../store/pins.ts";
import { type ImageStream, listingOf } from "../views/image-stream.ts";
import { Pinned, pinnedVersions } from "./pinned.ts";

/**
 * Somebody publishes lists without some pinned versions, on purpose: a rollback past them. They stay all the same, in the generation that lists them, which is pinned for that. Undefined when no pinned version is left out.
 */
export function pinsForLeft(
  before: readonly ImageStream[],
  after: readonly ImageStream[],
  {
    base,
    pins,
    why,
  }: { readonly base: Generation | undefined; readonly pins: readonly Pin[]; readonly why: string },
): readonly Pin[] | undefined {
  const pinned = new Pinned(pins);
  if (base === undefined || pinned.isEmpty) return undefined;
  const isLeft = before.some((stream) => {
    const next = after.find(({ name }) => name === stream.name);
    const files = next === undefined ? [] : [...listingOf(next).values()];
    return pinnedVersions(stream, pinned).some(
      ({ product, version }) =>
        !files.some(({ products }) => products.get(product)?.versions.has(version) === true),
    );
  });
  if (!isLeft) return undefined;
  const kept = {
    kind: "generation" as const,
    generation: base.number,
    note: `has pinned images that went off the lists: ${why}`,
    pinnedAt: new Date().toISOString(),
  };
  return pins.some((pin) => isSamePin(pin, kept)) ? pins : [...pins, kept];
}

import { fingerprintsOf } from "../simplestreams/fingerprint.ts";
import type { Generation } from "../store/generation.ts";
import { isSamePin, type Pin } from "../store/pins.ts";
import type { ImageStream } from "../views/image-stream.ts";
import { ListedVersions } from "./listed-versions.ts";
import { Pinned, pinnedVersions } from "./pinned.ts";

/**
 * Somebody publishes lists without some pinned versions, on purpose: a rollback past them, a bundle that gives an image stream another name. They stay all the same, in the generation that
 * lists them, which is pinned for that. Undefined when no pinned version is left out.
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
  const [then, now] = [new ListedVersions(before), new ListedVersions(after)];
  const isLeft = before
    .flatMap((stream) => pinnedVersions(stream, pinned))
    .some((name) => {
      const images = fingerprintsOf(then.version(name) ?? { items: new Map() });
      // The same name may have other images, and another name the same ones.
      if (images.length === 0) return now.version(name) === undefined;
      return images.some(({ fingerprint }) => now.placesOf(fingerprint, name.stream).length === 0);
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

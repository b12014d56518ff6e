import { fingerprintsOf } from "../simplestreams/fingerprint.ts";
import { isSamePin, type Pin, type VersionName } from "../store/pins.ts";
import type { ImageStream } from "../views/image-stream.ts";
import { ListedVersions } from "./listed-versions.ts";
import { withTargets } from "./pinned.ts";

/**
 * The pins when images of pinned versions have become another version: bytes that are added again move to a new one, and a bundle may be
 * given another name here. Whoever pinned a version wants its images.
 */
export function pinsThatFollow(
  pins: readonly Pin[],
  before: readonly ImageStream[],
  after: readonly ImageStream[],
): readonly Pin[] {
  if (!pins.some(({ kind }) => kind === "alias" || kind === "version")) return pins;
  const lists = { before: new ListedVersions(before), after: new ListedVersions(after) };
  const followed = pins.flatMap((pin): readonly Pin[] => {
    if (pin.kind === "alias")
      return [
        withTargets(
          pin,
          pin.versions.flatMap((name) => movedTo(name, lists)),
        ),
      ];
    if (pin.kind !== "version") return [pin];
    const moved = movedTo(pin, lists);
    if (moved.length === 0) return [pin];
    const there = moved.map((name) => Object.assign({}, pin, name));
    return lists.after.version(pin) === undefined ? there : [pin, ...there];
  });
  if (followed.length === pins.length && followed.every((pin, at) => pin === pins[at])) return pins;
  return followed.filter((pin, at) => followed.findIndex((other) => isSamePin(other, pin)) === at);
}

/** Where the images of a version are now that it no longer has. */
function movedTo(
  name: VersionName,
  lists: { readonly before: ListedVersions; readonly after: ListedVersions },
): VersionName[] {
  const then = lists.before.version(name);
  if (then === undefined) return [];
  const now = lists.after.version(name);
  const stay = new Set(now === undefined ? [] : fingerprintsOf(now).map(({ fingerprint }) => fingerprint));
  return fingerprintsOf(then).flatMap(({ fingerprint }) =>
    stay.has(fingerprint) ? [] : lists.after.placesOf(fingerprint, name.stream),
  );
}

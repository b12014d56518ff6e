import { fingerprintsOf } from "../simplestreams/fingerprint.ts";
import type { Version } from "../simplestreams/products.ts";
import { compareVersions, isVisibleVersion } from "../simplestreams/version-name.ts";

/** The names of versions, the one that clients take for the newest first. Names that clients ignore are not in its way: they come last. */
export function newestFirst(names: Iterable<string>): string[] {
  return [...names].sort(
    (one, other) =>
      Number(isVisibleVersion(other)) - Number(isVisibleVersion(one)) || compareVersions(one, other),
  );
}

/**
 * The same for versions of images: those without an image that a client lists come last too, or an upstream that adds an empty version would
 * push out the one that is launched.
 */
export function newestImagesFirst(versions: ReadonlyMap<string, Version>): string[] {
  const names = newestFirst(versions.keys());
  const isImage = (name: string): boolean =>
    fingerprintsOf(versions.get(name) ?? { items: new Map() }).length > 0;
  return [...names.filter(isImage), ...names.filter((name) => !isImage(name))];
}

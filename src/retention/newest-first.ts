import { compareVersions, isVisibleVersion } from "../simplestreams/version-name.ts";

/** The names of versions, the one that clients take for the newest first. Names that clients ignore are not in its way: they come last. */
export function newestFirst(names: Iterable<string>): string[] {
  return [...names].sort(
    (one, other) =>
      Number(isVisibleVersion(other)) - Number(isVisibleVersion(one)) || compareVersions(one, other),
  );
}

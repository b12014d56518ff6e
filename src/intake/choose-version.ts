import { HeadwaterError } from "../error.ts";
import type { Version } from "../simplestreams/products.ts";
import {
  compareVersions,
  isVisibleVersion,
  newestVersion,
  nextFreeVersion,
  parseVersionName,
  versionName,
} from "../simplestreams/version-name.ts";
import type { Build } from "./build.ts";

export interface VersionWish {
  readonly build: Build;
  /** All versions of the product. */
  readonly versions: ReadonlyMap<string, Version>;
  /** The same without those that the build leaves empty by taking its images over. */
  readonly taken: ReadonlyMap<string, Version>;
  /** An older version had these bytes, and they are to be the newest again. */
  readonly renewed: boolean;
  readonly now: Date;
}

/** The name a build gets, and a sentence when it is not the one its date says. */
export function chooseVersion(wish: VersionWish): { readonly name: string; readonly note?: string } {
  const { build, versions, taken, renewed } = wish;
  if (build.version !== undefined) return { name: askedVersion(build.version, wish) };
  const preferred = versionName(build.builtAt);
  const joins = canJoin(versions.get(preferred), build);
  if (renewed) {
    // Bytes that come back become what clients get only under a name newer than all others.
    const newest = newestVersion(taken.keys()) ?? "";
    const isNewest = compareVersions(preferred, newest) <= 0;
    if (!isNewest || (taken.has(preferred) && !joins)) {
      return { name: nextFreeVersion(taken.keys(), newerThan(newest, wish.now)) };
    }
  }
  if (joins || !taken.has(preferred)) return { name: preferred };
  const name = nextFreeVersion(taken.keys(), build.builtAt);
  return {
    name,
    note: `Version ${preferred} is another build; this one takes the next free minute, ${name}.`,
  };
}

/** Whether the build brings further roots for the very same metadata: a container first, its VM disk later. */
export function canJoin(present: Version | undefined, build: Build): present is Version {
  if (present === undefined || build.files.kind !== "split") return false;
  const items = [...present.items.values()];
  const metadata = items.find((item) => item.ftype === "incus.tar.xz");
  const roots = new Map(items.map((item) => [item.ftype, item.sha256]));
  return (
    metadata?.sha256 === build.files.metadata.sha256 &&
    build.files.roots.every((root) => (roots.get(root.ftype) ?? root.sha256) === root.sha256)
  );
}

/** Now, or a minute after a version whose name lies in the future. */
function newerThan(newest: string, now: Date): Date {
  const date = parseVersionName(newest);
  return date === undefined ? now : new Date(Math.max(now.getTime(), date.getTime() + 60_000));
}

function askedVersion(name: string, { build, versions, taken }: VersionWish): string {
  if (!isVisibleVersion(name)) {
    throw new HeadwaterError(
      "NAME_INVALID",
      `every client would ignore the version "${name}": a version begins with its day, as YYYYMMDD`,
      { hint: "Use the form YYYYMMDD_HHMM, in UTC.", details: { version: name } },
    );
  }
  if (!taken.has(name) || canJoin(versions.get(name), build)) return name;
  throw new HeadwaterError(
    "NAME_TAKEN",
    `version ${name} exists with other bytes, and what was published under a version never changes`,
    { hint: "Leave --version out: the build then takes the next free minute.", details: { version: name } },
  );
}

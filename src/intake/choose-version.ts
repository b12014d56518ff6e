import { HeadwaterError } from "../error.ts";
import type { Version } from "../simplestreams/products.ts";
import {
  isVisibleVersion,
  newestVersion,
  nextFreeVersion,
  versionName,
} from "../simplestreams/version-name.ts";
import type { Build } from "./build.ts";

export interface VersionWish {
  readonly build: Build;
  /** The product's other versions. */
  readonly versions: ReadonlyMap<string, Version>;
  /** An older version had these bytes, and they are to be the newest again. */
  readonly renewed: boolean;
  readonly now: Date;
}

/** The name a build gets, and a sentence when it is not the one its date says. */
export function chooseVersion(wish: VersionWish): { readonly name: string; readonly note?: string } {
  const { build, versions, renewed } = wish;
  if (build.version !== undefined) return { name: askedVersion(build.version, build, versions) };
  const preferred = versionName(build.builtAt);
  const present = versions.get(preferred);
  if (present !== undefined && canJoin(present, build)) return { name: preferred };
  const newest = newestVersion(versions.keys()) ?? "";
  // Bytes that come back become what clients get only under a name newer than all others.
  if (renewed && preferred <= newest) return { name: nextFreeVersion(new Set(versions.keys()), wish.now) };
  const name = nextFreeVersion(new Set(versions.keys()), build.builtAt);
  return name === preferred
    ? { name }
    : { name, note: `Version ${preferred} is another build; this one takes the next free minute, ${name}.` };
}

function askedVersion(name: string, build: Build, versions: ReadonlyMap<string, Version>): string {
  if (!isVisibleVersion(name)) {
    throw new HeadwaterError(
      "NAME_INVALID",
      `every client would ignore the version "${name}": a version begins with its day, as YYYYMMDD`,
      { hint: "Use the form YYYYMMDD_HHMM, in UTC.", details: { version: name } },
    );
  }
  const present = versions.get(name);
  if (present === undefined || canJoin(present, build)) return name;
  throw new HeadwaterError(
    "NAME_TAKEN",
    `version ${name} exists with other bytes, and what was published under a version never changes`,
    { hint: "Leave --version out: the build then takes the next free minute.", details: { version: name } },
  );
}

/** Whether the build brings further roots for the very same metadata: a container first, its VM disk later. */
function canJoin(present: Version, build: Build): boolean {
  if (build.files.kind !== "split") return false;
  const items = [...present.items.values()];
  const metadata = items.find((item) => item.ftype === "incus.tar.xz");
  const ftypes = new Set(items.map((item) => item.ftype));
  return (
    metadata?.sha256 === build.files.metadata.sha256 &&
    build.files.roots.every((root) => !ftypes.has(root.ftype))
  );
}

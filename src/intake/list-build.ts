import { HeadwaterError } from "../error.ts";
import { parseAliases } from "../simplestreams/aliases.ts";
import { fingerprintsOf } from "../simplestreams/fingerprint.ts";
import type { Item, Product, Version } from "../simplestreams/products.ts";
import { compareVersions, newestVersion, versionName } from "../simplestreams/version-name.ts";
import { type Build, fingerprintsOfBuild } from "./build.ts";
import { itemsOfBuild } from "./build-items.ts";
import { chooseVersion } from "./choose-version.ts";
import { describeProduct, sameDescription } from "./describe-product.ts";
import type { Listing } from "./listing.ts";

export interface ListedBuild {
  /** `moved`: an older version had these bytes and no longer does. `unchanged`: there was nothing to do. */
  readonly status: "added" | "updated" | "moved" | "unchanged";
  readonly product: string;
  readonly version: string;
  readonly fingerprints: readonly string[];
  /** All the product's aliases afterwards. */
  readonly aliases: readonly string[];
  /** Sentences for the person who added it. */
  readonly notes: readonly string[];
}

export interface ListOptions {
  readonly now: Date;
  /**
   * What happens to bytes that an older version of the product holds: `renew` makes them the newest version, as when a
   * person adds them again; `keep-date` gives them the version of their date, as in a tree, whose older versions are no news.
   */
  readonly olderBytes: "renew" | "keep-date";
}

/**
 * Lists a build, or throws and lists nothing. It looks at nothing but the listing, so that it can run again on top of
 * whoever published meanwhile.
 * A fingerprint that is listed twice is unusable ("More than one match": Incus shared/simplestreams/simplestreams.go
 * GetImage, LXD the same), so bytes that an older version of the product holds move to the new one.
 * @throws FINGERPRINT_TAKEN when another product lists these bytes, NAME_TAKEN when names or aliases clash
 */
export function listBuild(listing: Listing, build: Build, options: ListOptions): ListedBuild {
  const { key, product } = listing.find(build.names);
  const fingerprints = fingerprintsOfBuild(build);
  refuseOtherProducts(listing, key, fingerprints);
  const described = describeProduct(listing, key, product, build);
  const result = { product: key, fingerprints, aliases: parseAliases(described.aliases) };
  const holder = versionHolding(described, build, options);
  if (holder !== undefined) {
    const same = sameDescription(product, described);
    if (!same) listing.set(key, described);
    const notes = [`Version ${holder} has exactly these bytes.`];
    return { ...result, status: same ? "unchanged" : "updated", version: holder, notes };
  }
  const { versions, movedFrom } = withoutFingerprints(described.versions, fingerprints);
  const moved = movedFrom.length > 0;
  const renewed = moved && options.olderBytes === "renew";
  const { name, note } = chooseVersion({ build, versions, renewed, now: options.now });
  const listed = new Map(versions).set(name, joinVersion(versions.get(name), build, name));
  listing.set(key, { ...described, versions: listed });
  const notes = note === undefined ? [] : [note];
  for (const from of movedFrom) {
    notes.push(
      `Version ${from} had these bytes; the image is now version ${name}, since one listed twice is unusable.`,
    );
  }
  const newest = newestVersion(listed.keys()) ?? name;
  if (newest !== name) notes.push(`Version ${newest} is newer, so aliases go on naming that one.`);
  return { ...result, status: moved ? "moved" : "added", version: name, notes };
}

/** The version that already is what the build would become. */
function versionHolding(product: Product, build: Build, options: ListOptions): string | undefined {
  const fingerprints = fingerprintsOfBuild(build);
  const names = [...product.versions.keys()].sort(compareVersions);
  const newest = names[0];
  const holding = names.filter((name) => {
    const version = product.versions.get(name);
    const held = new Set(
      version === undefined ? [] : fingerprintsOf(version).map((image) => image.fingerprint),
    );
    return fingerprints.every((fingerprint) => held.has(fingerprint));
  });
  if (options.olderBytes === "keep-date") {
    return holding.find((name) => compareVersions(name, versionName(build.builtAt)) <= 0);
  }
  const wanted = build.version ?? newest;
  return wanted !== undefined && holding.includes(wanted) ? wanted : undefined;
}

function refuseOtherProducts(listing: Listing, key: string, fingerprints: readonly string[]): void {
  for (const fingerprint of fingerprints) {
    const place = listing.placeOf(fingerprint);
    if (place === undefined || place.product === key) continue;
    const short = fingerprint.slice(0, 12);
    throw new HeadwaterError(
      "FINGERPRINT_TAKEN",
      `the image ${short} is already listed as ${place.product} ${place.version}; listed twice, no client could use it`,
      {
        hint: `Give that product one more alias (headwater alias add), or remove the image there first (headwater remove ${short}).`,
        details: { fingerprint, ...place },
      },
    );
  }
}

function withoutFingerprints(
  versions: ReadonlyMap<string, Version>,
  fingerprints: readonly string[],
): { versions: ReadonlyMap<string, Version>; movedFrom: readonly string[] } {
  const left = new Map<string, Version>();
  const movedFrom: string[] = [];
  for (const [name, version] of versions) {
    const taken = fingerprintsOf(version).filter((image) => fingerprints.includes(image.fingerprint));
    if (taken.length === 0) {
      left.set(name, version);
      continue;
    }
    movedFrom.push(name);
    const keys = new Set(taken.flatMap((image) => image.itemKeys));
    const items = new Map([...version.items].filter(([key]) => !keys.has(key)));
    if (fingerprintsOf({ ...version, items }).length > 0) left.set(name, { ...version, items });
  }
  return { versions: left, movedFrom };
}

function joinVersion(present: Version | undefined, build: Build, name: string): Version {
  const items = new Map<string, Item>(present?.items);
  for (const [key, item] of itemsOfBuild(build, name)) items.set(key, { ...items.get(key), ...item });
  const label = build.label === undefined ? {} : { label: build.label };
  return { ...present, ...build.versionFields, ...label, items };
}

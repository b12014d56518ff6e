import { HeadwaterError } from "../error.ts";
import { parseAliases } from "../simplestreams/aliases.ts";
import { fingerprintsOf } from "../simplestreams/fingerprint.ts";
import { isBorrowed } from "../simplestreams/image-origin.ts";
import type { Item, Product, Version } from "../simplestreams/products.ts";
import { errorsOf } from "../simplestreams/rules/errors-of.ts";
import { rules } from "../simplestreams/rules/rules.ts";
import { compareVersions, newestVersion, versionName } from "../simplestreams/version-name.ts";
import { type Build, fingerprintsOfBuild } from "./build.ts";
import { itemsOfBuild } from "./build-items.ts";
import { canJoin, chooseVersion } from "./choose-version.ts";
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
   * Who asks. A `person` adding bytes that an older version holds wants them to be the newest, and an alias that is not
   * free is refused. Out of a `tree` a build gets the version of its date, since its older versions are no news, and an
   * alias that is not free stays where it is, with a note. A `daemon` is like a tree, except that bytes which are listed stay
   * where they are, and that an alias which came from it follows when it names something else there.
   */
  readonly from: "person" | "tree" | "daemon";
}

/**
 * Lists a build, or throws and lists nothing. It looks at nothing but the listing, so that it can run again on top of
 * whoever published meanwhile.
 * A fingerprint that is listed twice is unusable ("More than one match": Incus shared/simplestreams/simplestreams.go
 * GetImage, LXD the same), so bytes that an older version of the product holds move to the new one.
 * @throws FINGERPRINT_TAKEN when another product lists these bytes, NAME_TAKEN when names or aliases clash, IMAGE_INVALID when a rule
 * of simplestreams calls something in it an error
 */
export function listBuild(listing: Listing, build: Build, options: ListOptions): ListedBuild {
  const { key, product } = listing.find(build.names);
  const fingerprints = fingerprintsOfBuild(build);
  const holders = holdersOf(listing, key, fingerprints);
  const takenAliases = options.from === "person" ? "refuse" : "leave";
  if (options.from === "daemon") refuseMixed(key, product, build);
  const described = describeProduct(listing, build, { key, takenAliases });
  const { versions } = described.product;
  const result = { product: key, fingerprints, aliases: parseAliases(described.product.aliases) };
  const holder = alreadyListed(holders, versions, { build, options });
  if (holder !== undefined) {
    const relabelled = withLabel(versions, holder, build);
    const same = relabelled === versions && sameDescription(product, described.product);
    if (!same) listing.set(key, { ...described.product, versions: relabelled });
    const notes = [...described.notes, `Version ${holder} has exactly these bytes.`];
    return { ...result, status: same ? "unchanged" : "updated", version: holder, notes };
  }
  const { version, listed, notes } = withBuild(versions, build, { holders, ...options });
  refuseErrors(key, { ...described.product, versions: listed }, version);
  for (const { alias, from } of described.moves) listing.dropAlias(from, alias);
  listing.set(key, { ...described.product, versions: listed });
  const moved = [...holders].some((name) => name !== undefined && name !== version);
  return { ...result, status: moved ? "moved" : "added", version, notes: [...described.notes, ...notes] };
}

/** Nothing is listed that a rule calls an error: some client would not show it, or could not use it. */
function refuseErrors(key: string, product: Product, name: string): void {
  const version = product.versions.get(name);
  if (version === undefined) return;
  const only = { products: new Map([[key, { ...product, versions: new Map([[name, version]]) }]]) };
  const [error] = errorsOf(only);
  if (error === undefined) return;
  throw new HeadwaterError("IMAGE_INVALID", `${key} ${name} cannot be listed: ${error.reason}`, {
    hint: `${rules[error.rule].mend}.`,
    details: { product: key, rule: error.rule },
  });
}

/** For each fingerprint the version that lists it, or undefined. Of this product: elsewhere it is refused. */
function holdersOf(
  listing: Listing,
  key: string,
  fingerprints: readonly string[],
): ReadonlySet<string | undefined> {
  const holders = new Set<string | undefined>();
  for (const fingerprint of fingerprints) {
    const place = listing.placeOf(fingerprint);
    if (place !== undefined && place.product !== key) throw listedElsewhere(fingerprint, place);
    holders.add(place?.version);
  }
  return holders;
}

/** What somebody else made, and a daemon only had, does not become the newest version of what is made here. */
function refuseMixed(key: string, product: Product | undefined, { origin }: Build): void {
  if (product === undefined || origin?.upstream === undefined || isBorrowed(product)) return;
  throw new HeadwaterError(
    "NAME_TAKEN",
    `${key} is made here, and this image of the same name comes from ${origin.upstream.server}`,
    { hint: "Give it another name with --variant, --release or --os.", details: { product: key } },
  );
}

function listedElsewhere(fingerprint: string, place: { product: string; version: string }): HeadwaterError {
  const short = fingerprint.slice(0, 12);
  return new HeadwaterError(
    "FINGERPRINT_TAKEN",
    `the image ${short} is already listed as ${place.product} ${place.version}; listed twice, no client could use it`,
    {
      hint: `Give that product one more alias (headwater alias add), or remove the image there first (headwater remove ${short}).`,
      details: { fingerprint, ...place },
    },
  );
}

/** The version that already is what the build would become. */
function alreadyListed(
  holders: ReadonlySet<string | undefined>,
  versions: ReadonlyMap<string, Version>,
  { build, options }: { readonly build: Build; readonly options: ListOptions },
): string | undefined {
  const [holder] = holders;
  if (holder === undefined || holders.size > 1) return undefined;
  if (options.from === "daemon") return holder;
  if (options.from === "tree") {
    return compareVersions(holder, versionName(build.builtAt)) <= 0 ? holder : undefined;
  }
  return holder === (build.version ?? newestVersion(versions.keys())) ? holder : undefined;
}

/** The same versions when the build says nothing new about this one. */
function withLabel(
  versions: ReadonlyMap<string, Version>,
  name: string,
  { label }: Build,
): ReadonlyMap<string, Version> {
  const version = versions.get(name);
  if (version === undefined || label === undefined || label === version.label) return versions;
  return new Map(versions).set(name, { ...version, label });
}

interface WithBuild {
  readonly version: string;
  readonly listed: ReadonlyMap<string, Version>;
  readonly notes: readonly string[];
}

function withBuild(
  versions: ReadonlyMap<string, Version>,
  build: Build,
  context: ListOptions & { readonly holders: ReadonlySet<string | undefined> },
): WithBuild {
  const holders = [...context.holders].filter((name) => name !== undefined).toSorted(compareVersions);
  const fingerprints = fingerprintsOfBuild(build);
  const listed = new Map(versions);
  for (const name of holders) {
    const left = withoutImages(versions.get(name), fingerprints);
    if (left === undefined) listed.delete(name);
    else listed.set(name, left);
  }
  const renewed = holders.length > 0 && context.from === "person";
  const { name, note } = chooseVersion({ build, versions, taken: listed, renewed, now: context.now });
  const present = versions.get(name);
  listed.set(name, joinVersion(canJoin(present, build) ? present : undefined, build, name));
  const notes = note === undefined ? [] : [note];
  for (const from of holders) {
    if (from === name) continue;
    notes.push(
      `Version ${from} had these bytes; the image is now version ${name}, since one listed twice is unusable.`,
    );
  }
  const newest = newestVersion(listed.keys()) ?? name;
  if (newest !== name) notes.push(`Version ${newest} is newer, so aliases go on naming that one.`);
  return { version: name, listed, notes };
}

/** The version without these images, or undefined when no image is left in it. */
function withoutImages(version: Version | undefined, fingerprints: readonly string[]): Version | undefined {
  if (version === undefined) return undefined;
  const taken = fingerprintsOf(version).filter((image) => fingerprints.includes(image.fingerprint));
  const keys = new Set(taken.flatMap((image) => image.itemKeys));
  const items = new Map([...version.items].filter(([key]) => !keys.has(key)));
  return fingerprintsOf({ items }).length > 0 ? { ...version, items } : undefined;
}

function joinVersion(present: Version | undefined, build: Build, name: string): Version {
  const items = new Map<string, Item>(present?.items);
  for (const [key, item] of itemsOfBuild(build, name)) items.set(key, { ...items.get(key), ...item });
  const label = build.label === undefined ? {} : { label: build.label };
  const origin = build.origin === undefined ? {} : { origin: { ...build.origin } };
  return { ...present, ...build.versionFields, ...label, ...origin, items };
}

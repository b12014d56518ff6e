import { judge, retained } from "../../retention/judge.ts";
import type { Pinned } from "../../retention/pinned.ts";
import { keepsSome, productRules, type RetentionPolicy, streamRules } from "../../retention/policy.ts";
import { fingerprintsOf } from "../../simplestreams/fingerprint.ts";
import type { Item, ProductsFile, Version } from "../../simplestreams/products.ts";
import { type Selection, selectedFields } from "../../simplestreams/selection.ts";
import type { StreamState } from "../../store/generation.ts";
import type { Dates } from "../../store/version-dates.ts";
import { withUsableDeltasInAll } from "../../views/usable-deltas.ts";
import type { Amount } from "./amount.ts";
import {
  type FileItem,
  isFileItem,
  isImages,
  type Listing,
  mapVersions,
  placesIn,
  type VersionPlace,
} from "../../simplestreams/listing.ts";

export type Dropped = NonNullable<StreamState["dropped"]>;

export interface PlanPolicy {
  readonly select?: Selection | undefined;
  /** Undefined (a cache): what the upstream lists. */
  readonly retention?: RetentionPolicy | undefined;
  readonly keepDroppedMs?: number | undefined;
}

export interface PlanInput {
  /** Name of the image stream. */
  readonly stream: string;
  /** What the upstream lists now. */
  readonly upstream: Listing;
  /** What the image stream lists now; empty at first. */
  readonly held: Listing;
  /** Of a cache: the blobs that are here. Undefined: all of `held`. */
  readonly here?: ReadonlySet<string> | undefined;
  readonly dropped: Dropped;
  /** When the upstream last listed what is held and not in `dropped`: RFC 3339. */
  readonly seenAt: string;
  readonly policy: PlanPolicy;
  readonly pins: Pinned;
  /** Of what is held. */
  readonly dates: Dates;
  /** Whether the upstream's own bytes say something else than `upstream`, so that they cannot be passed on. */
  readonly isOdd?: boolean;
  /** The part of what is wanted that could be had, once that is known. Left out: all of it can. */
  readonly obtained?: ((wanted: Listing) => Listing) | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface Plan {
  /** What is listed once all files are here. Every key that the upstream gave is in it. */
  readonly listing: Listing;
  /** What the upstream no longer lists and `listing` does. */
  readonly dropped: Dropped;
  /** Whether `listing` differs from what the upstream says. */
  readonly isChanged: boolean;
  readonly come: Amount;
  readonly go: Amount;
  readonly stay: Amount;
}

/** What a mirror should list, told from two listings and the operator's wishes alone; and a cache, which keeps what is pinned. */
export function planMirror(input: PlanInput): Plan {
  const wanted = selectItems(input.upstream, input.policy.select);
  const joined = withHeld({ wanted, obtained: input.obtained?.(wanted) ?? wanted }, input);
  const kept = withRules(joined.listing, input);
  const isChanged = input.isOdd === true || !isSame(kept, input.upstream);
  const listing = isChanged ? withUsableDeltasInAll(kept) : kept;
  return {
    listing,
    dropped: joined.dropped.filter(({ product, version }) => hasVersion(listing, product, version)),
    isChanged,
    ...compare(input.held, listing),
  };
}

/** By the same rules as `prune`, so that neither undoes what the other did. */
function withRules(joined: Listing, { stream, policy, held, dates, pins, now }: PlanInput): Listing {
  if (policy.retention === undefined) return joined;
  const judgements = judge(joined, {
    stream,
    policy: policy.retention,
    dates,
    pins,
    nowMs: now,
    isHere: (place) => versionAt(held, place) !== undefined,
  });
  return retained(joined, judgements).listing;
}

/** Whether both list the same versions, none of them changed. */
function isSame(one: Listing, other: Listing): boolean {
  const known = new Set(versionsOf(other));
  const found = [...versionsOf(one)];
  return found.length === known.size && found.every((version) => known.has(version));
}

function* versionsOf(listing: Listing): Generator<Version> {
  for (const { products } of listing.values())
    for (const { versions } of products.values()) yield* versions.values();
}

/** Without the items that are not wanted or cannot be held. A version that loses all its files goes. */
function selectItems(upstream: Listing, select: Selection | undefined): Listing {
  const hashes = new Map<string, string>();
  const isWanted = (item: Item, itemName: string, version: Version, place: VersionPlace): boolean => {
    // What is no file, such as the identifier of an image in a cloud, needs nothing from us.
    if (item.path === undefined) return true;
    if (!isFileItem(item)) return false;
    // One path means one content: of two items that disagree the first counts.
    const known = hashes.get(item.path);
    if (known !== undefined && known !== item.sha256) return false;
    if (select?.(selectedFields({ ...place, version, itemName, item })) === false) return false;
    hashes.set(item.path, item.sha256);
    return true;
  };
  return mapVersions(upstream, (version, place) => {
    const items = new Map([...version.items].filter(([name, item]) => isWanted(item, name, version, place)));
    if (items.size === version.items.size) return version;
    return items.size === 0 ? undefined : { ...version, items };
  });
}

/**
 * With the versions that the upstream has dropped and that the policy keeps, with what is pinned, as it is here, and with what was to be
 * replaced by something that could not be had.
 */
function withHeld(
  { wanted, obtained }: { readonly wanted: Listing; readonly obtained: Listing },
  input: PlanInput,
): { readonly listing: Listing; readonly dropped: Dropped } {
  const { upstream, held, dropped, seenAt, policy, pins, stream } = input;
  const seenBefore = new Map(dropped.map((one) => [keyOf(one), one.seenAt]));
  const kept: { product: string; version: string; seenAt: string }[] = [];
  const files = new Map(obtained);
  for (const [path, file] of held) {
    for (const [productName, product] of file.products) {
      for (const [versionName, listed] of product.versions) {
        const place = { path, file, productName, product, versionName };
        const there = versionAt(upstream, place);
        const now = versionAt(obtained, place);
        const isLost = now === undefined && versionAt(wanted, place) !== undefined;
        const name = { product: productName, version: versionName };
        const since = seenBefore.get(keyOf({ ...name, seenAt })) ?? seenAt;
        const isPinned = pins.of({ stream, ...name }, listed) !== undefined;
        const version = isPinned ? whatIsHere(listed, input.here) : listed;
        if (version === undefined) continue;
        if (isPinned ? hasImagesOf(now, version) : there !== undefined && !isLost) continue;
        if (
          !isPinned &&
          !isLost &&
          !(isStillSelected(version, place, policy.select) && staysWhenDropped(since, place, input))
        )
          continue;
        if (there === undefined) kept.push({ ...name, seenAt: since });
        files.set(path, withVersion(files.get(path) ?? { ...file, products: new Map() }, place, version));
      }
    }
  }
  return {
    listing: files,
    dropped: kept.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)),
  };
}

function versionAt(
  listing: Listing,
  { path, productName, versionName }: Pick<VersionPlace, "path" | "productName" | "versionName">,
): Version | undefined {
  return listing.get(path)?.products.get(productName)?.versions.get(versionName);
}

/** The part of a version that can be had without the upstream; undefined when that is no image. */
function whatIsHere(version: Version, here: ReadonlySet<string> | undefined): Version | undefined {
  if (here === undefined) return version;
  const items = new Map([...version.items].filter(([, { sha256 = "" }]) => here.has(sha256)));
  return fingerprintsOf({ items }).length === 0 ? undefined : { ...version, items };
}

/** A version that was built anew under the same name is another one. */
export function hasImagesOf(wanted: Version | undefined, version: Version): boolean {
  if (wanted === undefined) return false;
  const images = new Set(fingerprintsOf(wanted).map(({ fingerprint }) => fingerprint));
  return fingerprintsOf(version).every(({ fingerprint }) => images.has(fingerprint));
}

/** Where rules say what is kept, it is kept whatever the upstream drops; otherwise nothing that is dropped stays. */
function staysWhenDropped(since: string, place: VersionPlace, { stream, policy, now }: PlanInput): boolean {
  const { retention, keepDroppedMs } = policy;
  const rules = retention && (productRules(retention, stream, place) ?? streamRules(retention, stream));
  const keepMs = keepDroppedMs ?? (keepsSome(rules) ? Number.POSITIVE_INFINITY : 0);
  return now - Date.parse(since) < keepMs;
}

function keyOf({ product, version }: Dropped[number]): string {
  return JSON.stringify([product, version]);
}

function isStillSelected(version: Version, place: VersionPlace, select: Selection | undefined): boolean {
  if (select === undefined) return true;
  return [...version.items].some(([itemName, item]) =>
    select(selectedFields({ ...place, version, itemName, item })),
  );
}

function withVersion(
  file: ProductsFile,
  { productName, product, versionName }: VersionPlace,
  version: Version,
): ProductsFile {
  const known = file.products.get(productName) ?? { ...product, versions: new Map<string, Version>() };
  const versions = new Map(known.versions).set(versionName, version);
  return { ...file, products: new Map(file.products).set(productName, { ...known, versions }) };
}

function hasVersion(listing: Listing, product: string, version: string): boolean {
  return [...listing.values()].some((file) => file.products.get(product)?.versions.has(version) === true);
}

/** Every file once, by its hash. */
export function filesOf(listing: Listing): Map<string, FileItem> {
  const files = new Map<string, FileItem>();
  for (const { item } of placesIn(listing)) if (isFileItem(item)) files.set(item.sha256, item);
  return files;
}

function compare(before: Listing, after: Listing): Pick<Plan, "come" | "go" | "stay"> {
  const files = { before: filesOf(before), after: filesOf(after) };
  const images = { before: fingerprintsIn(before), after: fingerprintsIn(after) };
  const amount = (
    wanted: (hash: string, in_: { has(key: string): boolean }) => boolean,
    side: "before" | "after",
    other: "before" | "after",
  ): Amount => {
    const chosen = [...files[side].values()].filter(({ sha256 }) => wanted(sha256, files[other]));
    return {
      images: [...images[side]].filter((fingerprint) => wanted(fingerprint, images[other])).length,
      files: chosen.length,
      bytes: chosen.reduce((sum, { size }) => sum + size, 0),
    };
  };
  return {
    come: amount((key, other) => !other.has(key), "after", "before"),
    go: amount((key, other) => !other.has(key), "before", "after"),
    stay: amount((key, other) => other.has(key), "after", "before"),
  };
}

/** The fingerprints of all images. */
export function fingerprintsIn(listing: Listing): Set<string> {
  const found = new Set<string>();
  for (const file of listing.values()) {
    if (!isImages(file)) continue;
    for (const { versions } of file.products.values()) {
      for (const version of versions.values())
        for (const image of fingerprintsOf(version)) found.add(image.fingerprint);
    }
  }
  return found;
}

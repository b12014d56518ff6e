import { fingerprintsOf } from "../../simplestreams/fingerprint.ts";
import type { Item, Product, ProductsFile, Version } from "../../simplestreams/products.ts";
import { type Selection, selectedFields } from "../../simplestreams/selection.ts";
import { compareVersions } from "../../simplestreams/version-name.ts";
import type { StreamState } from "../../store/generation.ts";
import type { Amount } from "./amount.ts";
import { usableDeltasOnly } from "./left-out.ts";
import {
  type FileItem,
  isFileItem,
  isImages,
  type Listing,
  mapVersions,
  placesIn,
  type VersionPlace,
} from "./listing.ts";

export type Dropped = NonNullable<StreamState["dropped"]>;

export interface PlanPolicy {
  readonly select?: Selection | undefined;
  readonly keep?: number | undefined;
  readonly keepDroppedMs?: number | undefined;
}

export interface PlanInput {
  /** What the upstream lists now. */
  readonly upstream: Listing;
  /** What the image stream lists now; empty at first. */
  readonly held: Listing;
  readonly dropped: Dropped;
  /** When the upstream last listed what is held and not in `dropped`: RFC 3339. */
  readonly seenAt: string;
  readonly policy: PlanPolicy;
  /** Whether the upstream's own bytes say something else than `upstream`, so that they cannot be passed on. */
  readonly isOdd?: boolean;
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

/** What a mirror should list, told from two listings and the operator's wishes alone. */
export function planMirror(input: PlanInput): Plan {
  const selected = selectItems(input.upstream, input.policy.select);
  const { listing: joined, dropped } = withDropped(selected.listing, input);
  const newest = keepNewest(joined, input.policy.keep);
  const isChanged = input.isOdd === true || selected.isChanged || newest.isChanged || dropped.length > 0;
  const listing = isChanged ? usableDeltasOnly(newest.listing) : newest.listing;
  return {
    listing,
    dropped: dropped.filter(({ product, version }) => hasVersion(listing, product, version)),
    isChanged,
    ...compare(input.held, listing),
  };
}

/** Without the items that are not wanted or cannot be held. A version that loses all its files goes. */
function selectItems(
  upstream: Listing,
  select: Selection | undefined,
): { readonly listing: Listing; readonly isChanged: boolean } {
  let isChanged = false;
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
  const listing = mapVersions(upstream, (version, place) => {
    const items = new Map([...version.items].filter(([name, item]) => isWanted(item, name, version, place)));
    if (items.size === version.items.size) return version;
    isChanged = true;
    return items.size === 0 ? undefined : { ...version, items };
  });
  return { listing, isChanged };
}

/** With the versions that the upstream has dropped and that the policy keeps. */
function withDropped(
  selected: Listing,
  { upstream, held, dropped, seenAt, policy, now }: PlanInput,
): { readonly listing: Listing; readonly dropped: Dropped } {
  const keepMs = policy.keepDroppedMs ?? (policy.keep === undefined ? 0 : Number.POSITIVE_INFINITY);
  const seenBefore = new Map(dropped.map((one) => [keyOf(one), one.seenAt]));
  const kept: { product: string; version: string; seenAt: string }[] = [];
  const files = new Map(selected);
  for (const [path, file] of held) {
    for (const [productName, product] of file.products) {
      for (const [versionName, version] of product.versions) {
        if (upstream.get(path)?.products.get(productName)?.versions.has(versionName) === true) continue;
        if (!isStillSelected(version, { path, file, productName, product, versionName }, policy.select))
          continue;
        const since = seenBefore.get(keyOf({ product: productName, version: versionName, seenAt })) ?? seenAt;
        if (!(now - Date.parse(since) < keepMs)) continue;
        kept.push({ product: productName, version: versionName, seenAt: since });
        files.set(
          path,
          withVersion(files.get(path) ?? { ...file, products: new Map() }, {
            productName,
            product,
            versionName,
            version,
          }),
        );
      }
    }
  }
  return { listing: files, dropped: kept.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)) };
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
  add: {
    readonly productName: string;
    readonly product: Product;
    readonly versionName: string;
    readonly version: Version;
  },
): ProductsFile {
  const known = file.products.get(add.productName) ?? {
    ...add.product,
    versions: new Map<string, Version>(),
  };
  const versions = new Map(known.versions).set(add.versionName, add.version);
  return { ...file, products: new Map(file.products).set(add.productName, { ...known, versions }) };
}

function keepNewest(
  listing: Listing,
  keep: number | undefined,
): { readonly listing: Listing; readonly isChanged: boolean } {
  if (keep === undefined) return { listing, isChanged: false };
  let isChanged = false;
  const newest = new Map<Product, ReadonlySet<string>>();
  const isNew = (product: Product, name: string): boolean => {
    const known =
      newest.get(product) ?? new Set([...product.versions.keys()].sort(compareVersions).slice(0, keep));
    newest.set(product, known);
    return known.has(name);
  };
  const kept = mapVersions(listing, (version, { product, versionName }) => {
    if (isNew(product, versionName)) return version;
    isChanged = true;
    return undefined;
  });
  return { listing: kept, isChanged };
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

import { kernelArchitecture } from "./architectures.ts";
import type { Candidate, VersionPlace } from "./candidate.ts";
import type { ClientProfile } from "./client-profile.ts";
import { finding, type Finding, type Place } from "./finding.ts";
import { combinedFields, combinedHash, isRootFtype, metadataFtypes, unifiedFtypes } from "./ftypes.ts";
import { quoted } from "./printable.ts";
import type { Item, Product, ProductsFile, Version } from "./products.ts";
import { versionDate } from "./version-name.ts";
import { hasImages, whyNotListed, whyNoRoot } from "./why-not-listed.ts";

/** Who wants to know what the walk finds. */
export interface WalkSink {
  image(candidate: Candidate): void;
  /** Left out: nobody wants to know, and the reasons are not looked for. */
  hidden?(finding: Finding): void;
}

/**
 * Goes through a products file as `ToAPI` (Incus) and `ToLXD` (LXD) do, with the same questions in the same order. Both
 * what a client lists and what it does not come out of this one walk, so that the two cannot disagree. The clients go
 * through Go maps, in random order; here it is the order of the file.
 */
export function walkAsClient(file: ProductsFile, client: ClientProfile, sink: WalkSink): void {
  for (const [productKey, product] of file.products) {
    const architecture = kernelArchitecture(product.arch ?? "", client);
    if (architecture === undefined) {
      sink.hidden?.(unknownArchitecture(productKey, product));
      continue;
    }
    if (product.versions.size === 0) {
      sink.hidden?.(
        finding("no-versions", { product: productKey, field: "versions" }, "the product has no version"),
      );
    }
    for (const [versionName, version] of product.versions) {
      const date = versionDate(versionName, client.versionPrecision);
      if (date === undefined) sink.hidden?.(unreadableName(productKey, versionName, version));
      else walkVersion({ productKey, product, architecture, versionName, version, date }, client, sink);
    }
  }
}

function unknownArchitecture(productKey: string, product: Product): Finding {
  const place = { product: productKey, field: "arch", value: product.arch };
  if (![...product.versions.values()].some(hasImages)) {
    return finding("not-for-clients", { product: productKey }, "the product has no image for Incus or LXD");
  }
  return kernelArchitecture(product.arch ?? "") === undefined
    ? finding("unknown-architecture", place, `no client knows the architecture ${quoted(product.arch)}`)
    : finding(
        "architecture-of-some",
        place,
        `the architecture ${quoted(product.arch)} is known to some clients only`,
      );
}

function unreadableName(product: string, version: string, content: Version): Finding {
  const place = { product, version };
  if (!hasImages(content))
    return finding("not-for-clients", place, "the version has no image for Incus or LXD");
  const reason = `expected a version name that begins with a real date, YYYYMMDD, got ${quoted(version)}`;
  return finding("version-name", { ...place, value: version }, reason);
}

function walkVersion(at: VersionPlace, client: ClientProfile, sink: WalkSink): void {
  const roots = rootsOf(at.version);
  const rootless: string[] = [];
  let known = false;
  for (const [key, item] of at.version.items) {
    if (item.ftype === unifiedFtypes[client.family]) {
      known = true;
      offerUnified(at, { key, item }, sink);
    } else if (item.ftype === metadataFtypes[client.family]) {
      known = true;
      if (roots.length === 0) rootless.push(key);
      else offerRoots(at, { key, item }, roots, sink);
    }
  }
  if (sink.hidden === undefined) return;
  if (rootless.length > 0) for (const found of whyNoRoot(at, rootless, client.family)) sink.hidden(found);
  if (!known) for (const found of whyNotListed(at, client.family)) sink.hidden(found);
}

type Root = NonNullable<Candidate["root"]>;

/** Looked for once in a version: each of its metadata items makes an image with each of them. */
function rootsOf({ items }: Version): readonly Root[] {
  const roots: Root[] = [];
  for (const [key, item] of items) {
    const { ftype } = item;
    if (isRootFtype(ftype)) roots.push({ key, ftype, item });
  }
  return roots;
}

interface KeyedItem {
  readonly key: string;
  readonly item: Item;
}

function offerUnified(at: VersionPlace, { key, item }: KeyedItem, sink: WalkSink): void {
  const fingerprint = item.sha256 ?? "";
  if (fingerprint === "") {
    const place = { ...placeOf(at), item: key, field: "sha256", value: item.sha256 };
    const reason = `${quoted(key)} has no sha256, so the image has no fingerprint`;
    sink.hidden?.(finding("no-fingerprint", place, reason));
  } else offer(at, { key, item }, { fingerprint, root: undefined }, sink);
}

/** Every root with a combined hash makes an image. */
function offerRoots(at: VersionPlace, metadata: KeyedItem, roots: readonly Root[], sink: WalkSink): void {
  const without: Root[] = [];
  for (const root of roots) {
    const fingerprint = combinedHash(metadata.item, root.ftype);
    if (fingerprint === undefined) without.push(root);
    else offer(at, metadata, { fingerprint, root }, sink);
  }
  if (sink.hidden === undefined) return;
  for (const root of without) sink.hidden(noCombinedHash(at, metadata, root, roots.length > without.length));
}

function noCombinedHash(at: VersionPlace, metadata: KeyedItem, root: Root, hasOthers: boolean): Finding {
  const field = combinedFields[root.ftype];
  const place = { ...placeOf(at), item: metadata.key, field, value: metadata.item[field] };
  const reason = `${quoted(metadata.key)} has no ${field}, so there is no image with the root ${quoted(root.key)}`;
  if (!hasOthers) return finding("no-fingerprint", place, reason);
  // Disks under these names are what clouds start, in trees that list containers for LXD.
  const isForClouds = root.ftype === "disk1.img" || root.ftype === "uefi1.img";
  return finding(isForClouds ? "not-for-clients" : "root-without-fingerprint", place, reason);
}

function offer(
  at: VersionPlace,
  { key, item }: KeyedItem,
  { fingerprint, root }: Pick<Candidate, "fingerprint" | "root">,
  sink: WalkSink,
): void {
  const { path } = item;
  if (path === undefined || path === "") {
    const place = { ...placeOf(at), item: key, field: "path", value: path };
    sink.hidden?.(finding("metadata-path", place, `${quoted(key)} has no path`));
    return;
  }
  const { productKey, product, architecture, versionName, version, date } = at;
  sink.image({
    productKey,
    product,
    architecture,
    versionName,
    version,
    date,
    fingerprint,
    metadataKey: key,
    metadata: item,
    metadataPath: path,
    root,
  });
}

function placeOf(at: VersionPlace): Place {
  return { product: at.productKey, version: at.versionName };
}

import { parseAliases } from "../simplestreams/aliases.ts";
import { kernelArchitecture } from "../simplestreams/architectures.ts";
import { type FingerprintedImage, fingerprintsOf } from "../simplestreams/fingerprint.ts";
import { isBorrowed } from "../simplestreams/image-origin.ts";
import type { Item, Product, ProductsFile, Version } from "../simplestreams/products.ts";
import { requirementFields } from "../simplestreams/twins.ts";
import { isVisibleVersion } from "../simplestreams/version-name.ts";
import type { StreamRecord } from "../store/generation.ts";
import { fitsSignedLists } from "./fits-signed-lists.ts";
import type { ImageStream } from "./image-stream.ts";
import { itemsToMerge } from "./items-to-merge.ts";
import { withUsableDeltas, withUsableDeltasIn } from "./usable-deltas.ts";
import { type OriginOfProduct, withheld, withoutUnusable } from "./withheld.ts";

export type Hidden = StreamRecord["hidden"][number];

export interface MergedRoot {
  readonly products: ProductsFile;
  /** By image stream: what is in it and not here, with the reason. */
  readonly hidden: ReadonlyMap<string, readonly Hidden[]>;
  /** Aliases that clients do not get from one image stream because an earlier one has them. */
  readonly hiddenAliases: readonly HiddenAlias[];
}

export interface HiddenAlias {
  readonly stream: string;
  readonly alias: string;
  /** The image stream that has it. */
  readonly owner: string;
}

/**
 * One products file with every product of all image streams that Incus or LXD can list. One file, because clients keep
 * several for an hour each, and a fingerprint that moves between them meanwhile makes an alias unusable.
 * An earlier image stream wins: a product is known by its fields, a fingerprint is listed once, and an alias belongs to
 * one product per instance type and architecture.
 */
export function mergedRoot(streams: readonly ImageStream[]): MergedRoot {
  const { merged, origins } = merge(streams);
  const usable = withheld(merged.products, origins);
  if (usable === merged.products) return merged;
  // What has to go must not have taken names and fingerprints from image streams after it.
  const cleaned = streams.map((stream) => withoutUnusable(stream));
  const again = merge(cleaned.map(({ stream }) => stream));
  for (const { stream, missing } of cleaned) again.merged.hidden.get(stream.name)?.push(...missing);
  // A base may have gone with what was withheld.
  const products = withUsableDeltasIn(withheld(again.merged.products, again.origins));
  return { ...again.merged, products };
}

interface Merged {
  readonly merged: Omit<MergedRoot, "hidden"> & { readonly hidden: ReadonlyMap<string, Hidden[]> };
  /** By key in the merged root. */
  readonly origins: ReadonlyMap<string, OriginOfProduct>;
}

function merge(streams: readonly ImageStream[]): Merged {
  const claims = new Claims();
  const products = new Map<string, Product>();
  const hidden = new Map<string, Hidden[]>();
  const hiddenAliases: HiddenAlias[] = [];
  const origins = new Map<string, OriginOfProduct>();
  for (const stream of streams) hidden.set(stream.name, []);
  for (const { stream, key, product } of inPrecedence(streams)) {
    const missing = hidden.get(stream.name) ?? [];
    const free = freeKey(products, key, stream.name);
    const merged = mergeProduct(key, product, { stream, claims, missing, hiddenAliases, mergedKey: free });
    if (merged === undefined) continue;
    products.set(free, merged);
    origins.set(free, { key, missing });
  }
  const file = { content_id: "images", datatype: "image-downloads", format: "products:1.0", products };
  return { merged: { products: file, hidden, hiddenAliases }, origins };
}

interface ProductOfStream {
  readonly stream: ImageStream;
  readonly key: string;
  readonly product: Product;
}

/** Image streams in their order; and last what daemons had from an upstream, which must never stand in that upstream's way. */
function* inPrecedence(streams: readonly ImageStream[]): Generator<ProductOfStream> {
  const last: ProductOfStream[] = [];
  for (const stream of streams) {
    for (const [key, product] of stream.products.products) {
      if (stream.upstream === undefined && isBorrowed(product)) last.push({ stream, key, product });
      else yield { stream, key, product };
    }
  }
  yield* last;
}

/** Products of two image streams may have one key and other fields; clients do not read keys. */
function freeKey(products: ReadonlyMap<string, Product>, key: string, stream: string): string {
  let free = key;
  for (let number = 1; products.has(free); number++) {
    free = number === 1 ? `${key}:${stream}` : `${key}:${stream}-${number}`;
  }
  return free;
}

interface MergeContext {
  readonly stream: ImageStream;
  readonly claims: Claims;
  readonly missing: Hidden[];
  readonly hiddenAliases: HiddenAlias[];
  /** Key of the product in the merged root. */
  readonly mergedKey: string;
}

function mergeProduct(key: string, product: Product, context: MergeContext): Product | undefined {
  const { stream, claims, missing } = context;
  const arch = architectureOf(product);
  if (arch === undefined) {
    hideAll(key, product, `architecture "${product.arch ?? ""}" is known to no client`, missing);
    return undefined;
  }
  if (!fitsSignedLists(key, product)) {
    hideAll(key, product, "a text in it is too long for a line of a signed list", missing);
    return undefined;
  }
  const variant = product.variant === undefined || product.variant === "" ? "default" : product.variant;
  const prefix = stream.upstream?.record.aliasPrefix ?? "";
  // Under a prefix of its own a product is told apart from others with the same fields by that prefix.
  const fields = [product.os ?? "", product.release ?? "", variant, arch, ...(prefix === "" ? [] : [prefix])];
  const owner = claims.product(fields, stream.name);
  if (owner !== stream.name) {
    for (const alias of parseAliases(product.aliases))
      context.hiddenAliases.push({ stream: stream.name, alias, owner });
    hideAll(key, product, `the image stream "${owner}" has the same product`, missing);
    return undefined;
  }
  const versions = new Map<string, Version>();
  const types = new Set<string>();
  for (const [name, version] of product.versions) {
    const merged = mergeVersion({ key, name, version }, context);
    if (merged === undefined) continue;
    versions.set(name, merged.version);
    for (const image of merged.images) types.add(image.type);
  }
  if (versions.size === 0) return undefined;
  return {
    ...product,
    // Clients sort a product without a variant against its siblings in no defined order, so every one gets a name:
    // Incus, shared/simplestreams/sort.go and LXD's copy of it test the wrong operand for emptiness.
    variant,
    aliases: claimAliases(product, { prefix, arch, types }, context).join(","),
    ...requirementFields(product.requirements ?? {}),
    // What an image stream says to LXD alone stays said to LXD alone.
    ...(product.lxd_requirements === undefined ? {} : { lxd_requirements: product.lxd_requirements }),
    versions: withUsableDeltas(versions),
  };
}

/** The aliases that this product gets: those that no product of an earlier image stream has for a type of its own. */
function claimAliases(
  product: Product,
  {
    prefix,
    arch,
    types,
  }: { readonly prefix: string; readonly arch: string; readonly types: ReadonlySet<string> },
  { claims, stream, mergedKey, hiddenAliases }: MergeContext,
): string[] {
  const given: string[] = [];
  for (const alias of parseAliases(product.aliases).map((name) => `${prefix}${name}`)) {
    const owner = claims.alias(alias, { arch, types, product: mergedKey, stream: stream.name });
    if (owner === undefined) given.push(alias);
    else if (owner !== stream.name) hiddenAliases.push({ stream: stream.name, alias, owner });
  }
  return given;
}

interface MergedVersion {
  readonly version: Version;
  readonly images: readonly FingerprintedImage[];
}

function mergeVersion(
  at: { readonly key: string; readonly name: string; readonly version: Version },
  context: MergeContext,
): MergedVersion | undefined {
  const { stream, claims, missing } = context;
  if (!isVisibleVersion(at.name)) {
    hide(
      at.key,
      at.version,
      "clients ignore a version whose name does not begin with a day, YYYYMMDD",
      missing,
    );
    return undefined;
  }
  const items = itemsToMerge(at.version.items, stream);
  const images: FingerprintedImage[] = [];
  const taken = new Set<string>();
  for (const image of fingerprintsOf({ items })) {
    const owner = claims.fingerprint(image.fingerprint, `${stream.name}/${at.key}/${at.name}`);
    if (owner === undefined) {
      images.push(image);
      continue;
    }
    for (const key of image.itemKeys) taken.add(key);
    missing.push({ fingerprint: image.fingerprint, product: at.key, reason: `already listed as ${owner}` });
  }
  if (images.length === 0) return undefined;
  const kept = new Map<string, Item>();
  for (const [key, item] of items) {
    if (!taken.has(key)) kept.set(key, { ...item, path: `${stream.name}/${item.path ?? ""}` });
  }
  return { version: { ...at.version, items: kept }, images };
}

function architectureOf(product: Product): string | undefined {
  const name = product.arch ?? "";
  return kernelArchitecture(name);
}

function hideAll(key: string, product: Product, reason: string, missing: Hidden[]): void {
  for (const version of product.versions.values()) hide(key, version, reason, missing);
}

function hide(key: string, version: Version, reason: string, missing: Hidden[]): void {
  for (const image of fingerprintsOf(version)) {
    missing.push({ fingerprint: image.fingerprint, product: key, reason });
  }
}

/** Who was first to list what. */
class Claims {
  readonly #products = new Map<string, string>();
  readonly #fingerprints = new Map<string, string>();
  readonly #aliases = new Map<string, { readonly product: string; readonly stream: string }>();

  /** The image stream that has this product: the caller's own when nobody had it. */
  product(fields: readonly string[], stream: string): string {
    return claim(this.#products, JSON.stringify(fields.map((field) => field.toLowerCase())), stream);
  }

  /** Where this fingerprint is listed already, or undefined when it is the caller's now. */
  fingerprint(fingerprint: string, place: string): string | undefined {
    const owner = claim(this.#fingerprints, fingerprint, place);
    return owner === place ? undefined : owner;
  }

  /** The image stream that has this alias already, for an instance type of the product; undefined when the product has it now. */
  alias(
    alias: string,
    by: {
      readonly arch: string;
      readonly types: ReadonlySet<string>;
      readonly product: string;
      readonly stream: string;
    },
  ): string | undefined {
    const keys = [...by.types].map((type) => JSON.stringify([alias, by.arch, type]));
    const other = keys
      .map((key) => this.#aliases.get(key))
      .find((known) => known !== undefined && known.product !== by.product);
    if (other !== undefined) return other.stream;
    for (const key of keys) this.#aliases.set(key, by);
    return undefined;
  }
}

function claim(claims: Map<string, string>, key: string, owner: string): string {
  const before = claims.get(key);
  if (before !== undefined) return before;
  claims.set(key, owner);
  return owner;
}

import { parseAliases } from "./aliases.ts";
import type { ClientProfile } from "./client-profile.ts";
import type { Candidate } from "./candidate.ts";
import { walkAsClient } from "./client-walk.ts";
import { deltasOf } from "./deltas-of.ts";
import { type InstanceType, instanceTypeOf, rootFtypes } from "./ftypes.ts";
import { listedProperties } from "./listed-properties.ts";
import type { ListedFile, ListedImage } from "./listed-image.ts";
import type { Item, Product, ProductsFile, Version } from "./products.ts";
import { compareBytes, versionDate } from "./version-name.ts";

/** Who asks, and where. */
export interface ImagesOfOptions {
  /** The client's own architecture, as a kernel name. Default `x86_64`. */
  readonly clientArch?: string;
  /** The URL of the remote. It matters for one server only: see `aliasName`. */
  readonly serverUrl?: string;
}

/**
 * The images a client lists for these products files, exactly: which, with which properties, aliases, dates, sizes and
 * files, in the client's order. Several files are the several entries of one index.
 */
export function imagesOf(
  files: ProductsFile | readonly ProductsFile[],
  client: ClientProfile,
  options: ImagesOfOptions = {},
): ListedImage[] {
  const given = isOne(files) ? [files] : files;
  const images: Unclaimed[] = [];
  for (const [at, file] of given.entries()) {
    const describe = describer(client, at);
    walkAsClient(file, client, { image: (found) => images.push(describe(found)) });
  }
  images.sort(compareAsClient);
  const offered = given.map(
    ({ products }) => new Map([...products].map(([key, { aliases }]) => [key, parseAliases(aliases)])),
  );
  return claimAliases(images, client, { ...options, offered });
}

function isOne(files: ProductsFile | readonly ProductsFile[]): files is ProductsFile {
  return !Array.isArray(files);
}

/** An image before it is known which aliases it gets. */
type Unclaimed = { -readonly [Field in keyof ListedImage]: ListedImage[Field] };

/** Puts images into words. What all images of a product or of a version share is worked out once: they come one after the other. */
function describer(client: ClientProfile, file: number): (found: Candidate) => Unclaimed {
  let product: Product | undefined;
  let ofProduct: OfProduct = NOTHING;
  let version: Version | undefined;
  let shared = { ...NOTHING, date: "", file };
  return (found) => {
    if (found.product !== product) {
      product = found.product;
      ofProduct = productFacts(product, client);
      version = undefined;
    }
    if (found.version !== version) {
      version = found.version;
      shared = { ...ofProduct, date: rfc3339(found.date), file };
    }
    return describe(found, client, shared);
  };
}

interface OfProduct {
  readonly requirements: Readonly<Record<string, string>>;
  readonly expiresAt: string;
}

const NOTHING: OfProduct = { requirements: {}, expiresAt: "" };

function productFacts(product: Product, client: ClientProfile): OfProduct {
  return {
    requirements: requirementsOf(product, client) ?? {},
    expiresAt: expiryOf(product.support_eol),
  };
}

function describe(
  found: Candidate,
  client: ClientProfile,
  shared: OfProduct & { readonly date: string; readonly file: number },
): Unclaimed {
  const { product, metadata, metadataPath, root } = found;
  const description = descriptionOf(found, client);
  const image: Unclaimed = {
    fingerprint: found.fingerprint,
    type: typeOf(found, client),
    architecture: found.architecture,
    properties: listedProperties({
      product,
      version: found.version,
      versionName: found.versionName,
      rootFtype: root?.ftype,
      requirements: shared.requirements,
      description,
    }),
    aliases: [],
    claims: [],
    description,
    createdAt: shared.date,
    uploadedAt: shared.date,
    expiresAt: shared.expiresAt,
    size: (metadata.size ?? 0) + (root?.item.size ?? 0),
    filename: metadataPath.slice(metadataPath.lastIndexOf("/") + 1),
    files: filesToFetch(found),
    deltas: deltasOf(found, client).usable,
    product: found.productKey,
    version: found.versionName,
    file: shared.file,
  };
  if (client.exportsRelease && product.release_title) image.releaseTitle = product.release_title;
  if (client.exportsRelease && product.release_codename) image.releaseCodename = product.release_codename;
  return image;
}

/** The root's ftype decides; a unified image is a container unless the client reads `combined_type` (Incus since 7.1). */
function typeOf({ root, metadata }: Candidate, client: ClientProfile): InstanceType {
  if (root !== undefined) return instanceTypeOf(root.ftype);
  return client.combinedType && metadata.combined_type === "virtual-machine"
    ? "virtual-machine"
    : "container";
}

function requirementsOf(product: Product, client: ClientProfile) {
  if (client.requirements === "requirements") return product.requirements;
  if (client.requirements === "lxd_requirements") return product.lxd_requirements;
  // Not merged: an empty `lxd_requirements` hides all of `requirements`.
  return product.lxd_requirements ?? product.requirements;
}

/** With holes where a field is missing: the clients print their format as it is. */
function descriptionOf({ product, version, versionName }: Candidate, client: ClientProfile): string {
  const { os = "", release_title = "", arch = "", variant = "" } = product;
  const label = version.label ? ` (${version.label})` : "";
  if (client.description === "label-variant") {
    return `${os} ${release_title}${label}${variant === "" ? "" : ` (${variant})`}`;
  }
  const shown = client.description === "arch-variant-serial" && variant !== "" && variant !== "default";
  return `${os} ${release_title} ${arch}${shown ? ` (${variant})` : ""}${label} (${versionName})`;
}

/** Metadata first, then the root; deltas apart (client/simplestreams_images.go GetImageFile, both projects). */
export function filesToFetch({ metadataKey, metadata, metadataPath, root }: Candidate): ListedFile[] {
  const first = listedFile(root === undefined ? "unified" : "metadata", metadataKey, metadata, metadataPath);
  return root === undefined
    ? [first]
    : [first, listedFile("root", root.key, root.item, root.item.path ?? "")];
}

function listedFile(role: ListedFile["role"], key: string, { sha256, size }: Item, path: string): ListedFile {
  return { role, item: key, path, sha256: sha256 ?? "", size: size ?? 0 };
}

/** `YYYY-MM-DD`; anything else shows as the epoch, and the date prunes nothing (products.go, "Attempt to parse the EOL"). */
function expiryOf(supportEol: string | undefined): string {
  const isDay = supportEol !== undefined && /^\d{4}-\d\d-\d\d$/.test(supportEol);
  return rfc3339((isDay ? versionDate(supportEol.replaceAll("-", ""), "day") : undefined) ?? new Date(0));
}

function rfc3339(date: Date): string {
  return date.toISOString().replace(".000Z", "Z");
}

/** What images are sorted by. */
type Sorted = Pick<ListedImage, "properties">;

const sortKeys = ["os", "release", "variant", "serial", "architecture"] as const;

/**
 * By os, release and variant, then the newest serial, then architecture, then the kind of root, as `Less` in sort.go
 * (both projects). A unified image ties with squashfs there. Where the clients' order is undefined (a property that only
 * some images have: see the rule `undefined-order`) the image without it comes last here.
 */
export function compareAsClient(a: Sorted, b: Sorted): number {
  for (const key of sortKeys) {
    const [left, right] = [a.properties[key], b.properties[key]];
    if (left === right) continue;
    if (left === undefined) return 1;
    if (right === undefined) return -1;
    return key === "serial" ? compareBytes(right, left) : compareBytes(left, right);
  }
  return preference(a) - preference(b);
}

function preference(image: Sorted): number {
  return Math.max(
    0,
    rootFtypes.findIndex((ftype) => ftype === image.properties["type"]),
  );
}

/**
 * Hands out the aliases, best image first: the first to ask for an alias has it, for its type and architecture. Every
 * alias `A` is also offered as `A/<arch as spelled>`. That is all the clients do: no `/default`, no codenames, no
 * `current` (simplestreams.go applyAliases, both projects).
 */
function claimAliases(
  images: Unclaimed[],
  client: ClientProfile,
  options: ImagesOfOptions & { readonly offered: readonly ReadonlyMap<string, readonly string[]>[] },
): ListedImage[] {
  const clientArch = options.clientArch ?? "x86_64";
  // By type and architecture, so that no key has to be put together for each name.
  const taken = new Map<string, Set<string>>();
  for (const image of images) {
    const group = `${image.type} ${image.architecture}`;
    const names = taken.get(group) ?? new Set<string>();
    taken.set(group, names);
    const aliases: string[] = [];
    const claims: string[] = [];
    for (const alias of options.offered[image.file]?.get(image.product) ?? []) {
      const short = aliasName(alias, client, options);
      // The list shows the short form on images of the client's own architecture only; it resolves on the others too.
      if (claim(names, short, claims) && clientArch === image.architecture) aliases.push(short);
      const long = aliasName(`${alias}/${image.properties["architecture"] ?? ""}`, client, options);
      if (claim(names, long, claims)) aliases.push(long);
    }
    image.aliases = aliases;
    image.claims = claims;
  }
  return images;
}

/** Whether nobody had the name before; then it is added to the claims. */
function claim(taken: Set<string>, name: string, claims: string[]): boolean {
  if (taken.has(name)) return false;
  taken.add(name);
  claims.push(name);
  return true;
}

/** LXD drops a leading `ubuntu/` for Canonical's own server, and for no mirror of it (simplestreams.go, urlDefaultOS). */
function aliasName(alias: string, client: ClientProfile, options: ImagesOfOptions): string {
  const isUbuntu = options.serverUrl?.startsWith("https://cloud-images.ubuntu.com") === true;
  return client.family === "lxd" && isUbuntu && alias.startsWith("ubuntu/")
    ? alias.slice("ubuntu/".length)
    : alias;
}

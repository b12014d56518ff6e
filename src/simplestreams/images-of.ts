import { parseAliases } from "./aliases.ts";
import type { ClientProfile } from "./client-profile.ts";
import { type Candidate, walkAsClient } from "./client-walk.ts";
import { deltasOf } from "./deltas-of.ts";
import { type InstanceType, instanceTypeOf, rootFtypes } from "./ftypes.ts";
import { listedProperties } from "./listed-properties.ts";
import type { ListedFile, ListedImage } from "./listed-image.ts";
import type { ProductsFile } from "./products.ts";
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
  const images: Unclaimed[] = [];
  for (const file of isOne(files) ? [files] : files) {
    walkAsClient(file, client, { image: (found) => images.push(describe(found, client)), hidden() {} });
  }
  images.sort(compareAsClient);
  return claimAliases(images, client, options);
}

function isOne(files: ProductsFile | readonly ProductsFile[]): files is ProductsFile {
  return !Array.isArray(files);
}

/** An image before it is known which aliases it gets; `offered` are its product's. */
interface Unclaimed extends Omit<ListedImage, "aliases" | "claims"> {
  readonly offered: readonly string[];
}

function describe(found: Candidate, client: ClientProfile): Unclaimed {
  const { product, metadata, root } = found;
  const date = rfc3339(found.date);
  const description = descriptionOf(found, client);
  const files = filesOf(found);
  return {
    fingerprint: found.fingerprint,
    type: typeOf(found, client),
    architecture: found.architecture,
    properties: listedProperties({
      product,
      version: found.version,
      versionName: found.versionName,
      rootFtype: root?.ftype,
      requirements: requirementsOf(found, client) ?? {},
      description,
    }),
    offered: parseAliases(product.aliases),
    description,
    createdAt: date,
    uploadedAt: date,
    expiresAt: expiryOf(product.support_eol),
    size: (metadata.size ?? 0) + (root?.item.size ?? 0),
    filename: metadata.path.slice(metadata.path.lastIndexOf("/") + 1),
    files,
    deltas: deltasOf(found, client).usable,
    ...(client.exportsRelease && product.release_title ? { releaseTitle: product.release_title } : {}),
    ...(client.exportsRelease && product.release_codename
      ? { releaseCodename: product.release_codename }
      : {}),
    product: found.productKey,
    version: found.versionName,
  };
}

/** The root's ftype decides; a unified image is a container unless the client reads `combined_type` (Incus since 7.1). */
function typeOf({ root, metadata }: Candidate, client: ClientProfile): InstanceType {
  if (root !== undefined) return instanceTypeOf(root.ftype);
  return client.combinedType && metadata.combined_type === "virtual-machine"
    ? "virtual-machine"
    : "container";
}

function requirementsOf({ product }: Candidate, client: ClientProfile) {
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
function filesOf({ metadataKey, metadata, root }: Candidate): ListedFile[] {
  const file = (
    role: ListedFile["role"],
    key: string,
    item: Candidate["metadata"] | undefined,
  ): ListedFile => ({
    role,
    item: key,
    path: item?.path ?? "",
    sha256: item?.sha256 ?? "",
    size: item?.size ?? 0,
  });
  if (root === undefined) return [file("unified", metadataKey, metadata)];
  return [
    file("metadata", metadataKey, metadata),
    file("root", root.key, { ...root.item, path: root.item.path ?? "" }),
  ];
}

/** `YYYY-MM-DD`; anything else shows as the epoch, and the date prunes nothing (products.go, "Attempt to parse the EOL"). */
function expiryOf(supportEol: string | undefined): string {
  const isDay = supportEol !== undefined && /^\d{4}-\d\d-\d\d$/.test(supportEol);
  return rfc3339((isDay ? versionDate(supportEol.replaceAll("-", ""), "day") : undefined) ?? new Date(0));
}

function rfc3339(date: Date): string {
  return date.toISOString().replace(".000Z", "Z");
}

const sortKeys = ["os", "release", "variant", "serial", "architecture"] as const;

/**
 * By os, release and variant, then the newest serial, then architecture, then the kind of root, as `Less` in sort.go
 * (both projects). A unified image ties with squashfs there. Where the clients' order is undefined (a property that only
 * some images have: see the rule `undefined-order`) the image without it comes last here.
 */
function compareAsClient(a: Unclaimed, b: Unclaimed): number {
  for (const key of sortKeys) {
    const [left, right] = [a.properties[key], b.properties[key]];
    if (left === right) continue;
    if (left === undefined) return 1;
    if (right === undefined) return -1;
    return key === "serial" ? compareBytes(right, left) : compareBytes(left, right);
  }
  return preference(a) - preference(b);
}

function preference(image: Unclaimed): number {
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
  images: readonly Unclaimed[],
  client: ClientProfile,
  options: ImagesOfOptions,
): ListedImage[] {
  const clientArch = options.clientArch ?? "x86_64";
  const taken = new Set<string>();
  return images.map(({ offered, ...image }) => {
    const aliases: string[] = [];
    const claims: string[] = [];
    const claim = (name: string, shown: boolean) => {
      const key = `${image.type}\n${image.architecture}\n${name}`;
      if (taken.has(key)) return;
      taken.add(key);
      claims.push(name);
      if (shown) aliases.push(name);
    };
    for (const alias of offered) {
      // The list shows the short form on images of the client's own architecture only; it resolves on the others too.
      claim(aliasName(alias, client, options), clientArch === image.architecture);
      claim(aliasName(`${alias}/${image.properties["architecture"] ?? ""}`, client, options), true);
    }
    return Object.assign(image, { aliases, claims });
  });
}

/** LXD drops a leading `ubuntu/` for Canonical's own server, and for no mirror of it (simplestreams.go, urlDefaultOS). */
function aliasName(alias: string, client: ClientProfile, options: ImagesOfOptions): string {
  const isUbuntu = options.serverUrl?.startsWith("https://cloud-images.ubuntu.com") === true;
  return client.family === "lxd" && isUbuntu && alias.startsWith("ubuntu/")
    ? alias.slice("ubuntu/".length)
    : alias;
}

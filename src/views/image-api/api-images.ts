import { parseAliases } from "../../simplestreams/aliases.ts";
import { kernelArchitecture } from "../../simplestreams/architectures.ts";
import { isExactDate } from "../../simplestreams/exact-date.ts";
import { type FingerprintedImage, fingerprintsOf, isFingerprint } from "../../simplestreams/fingerprint.ts";
import { rootFtypes } from "../../simplestreams/ftypes.ts";
import { listedProperties } from "../../simplestreams/listed-properties.ts";
import type { Item, Product, ProductsFile, Version } from "../../simplestreams/products.ts";
import { compareVersions, parseVersionName } from "../../simplestreams/version-name.ts";
import type { ImageStream } from "../image-stream.ts";
import { itemsToMerge } from "../items-to-merge.ts";
import { mergedRoot } from "../merged-root.ts";
import type { ApiFile, ApiImage } from "./api-image.ts";

/** How daemons write "never" (Go's zero time). */
const NEVER = "0001-01-01T00:00:00Z";

/**
 * Every image of every image stream that a client can use, each once. Names are those of the merged root, so that an alias means
 * the same image over both protocols; what the merged root hides (another image stream has that product, or no client of it would
 * read such a version name) is here by its fingerprint. One by one, for a caller that has other things to do in between.
 */
export function* apiImages(streams: readonly ImageStream[]): Generator<ApiImage> {
  const seen = new Set<string>();
  const claims = new Claims();
  for (const found of imagesIn(mergedRoot(streams).products)) {
    if (seen.has(found.image.fingerprint)) continue;
    seen.add(found.image.fingerprint);
    yield describe(found, claims.of(found));
  }
  for (const stream of streams) {
    for (const found of imagesIn(stream.products, (version) => itemsToMerge(version.items, stream))) {
      if (seen.has(found.image.fingerprint)) continue;
      seen.add(found.image.fingerprint);
      yield describe(found, [], `${stream.name}/`);
    }
  }
}

interface FoundImage {
  readonly architecture: string;
  readonly product: Product;
  readonly versionName: string;
  readonly version: Version;
  readonly items: ReadonlyMap<string, Item>;
  readonly image: FingerprintedImage;
}

/** Newest versions first, and in a version the root that clients prefer. */
function* imagesIn(
  { products }: ProductsFile,
  itemsOf: (version: Version) => ReadonlyMap<string, Item> = (version) => version.items,
): Generator<FoundImage> {
  for (const product of products.values()) {
    const architecture = kernelArchitecture(product.arch ?? "");
    // Daemons store no image of an architecture that they do not know.
    if (architecture === undefined) continue;
    for (const versionName of [...product.versions.keys()].sort(compareVersions)) {
      const version = product.versions.get(versionName);
      if (version === undefined) continue;
      const items = itemsOf(version);
      for (const image of fingerprintsOf({ items }).toSorted(byRoot)) {
        // Daemons take no other, and it becomes a part of names and heads.
        if (isFingerprint(image.fingerprint)) {
          yield { architecture, product, versionName, version, items, image };
        }
      }
    }
  }
}

function byRoot(one: FingerprintedImage, other: FingerprintedImage): number {
  return rank(one) - rank(other);
}

function rank({ rootFtype }: FingerprintedImage): number {
  return rootFtype === undefined ? -1 : rootFtypes.indexOf(rootFtype);
}

/** The first image of a type and an architecture that is offered a name has it: the newest version's. */
class Claims {
  readonly #taken = new Set<string>();

  of({ product, architecture, image }: FoundImage): string[] {
    return parseAliases(product.aliases).filter((alias) => {
      const key = `${image.type}\n${architecture}\n${alias}`;
      if (this.#taken.has(key)) return false;
      this.#taken.add(key);
      return true;
    });
  }
}

function describe(found: FoundImage, claims: readonly string[], base = ""): ApiImage {
  const { image, version, product, architecture } = found;
  return {
    fingerprint: image.fingerprint,
    type: image.type,
    architecture,
    arch: product.arch ?? "",
    properties: propertiesOf(found),
    createdAt: dateIn(version["created_at"]) ?? versionDateOf(found),
    expiresAt: dateIn(version["expires_at"]) ?? NEVER,
    claims,
    files: filesOf(found, base),
  };
}

/** The image's own where they are known, as a daemon that imported it would tell them; else what simplestreams clients show. */
function propertiesOf({ image, product, version, versionName }: FoundImage): Record<string, string> {
  const own = version["properties"];
  if (typeof own === "object" && own !== null && !Array.isArray(own)) {
    const texts = Object.entries(own).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    );
    return Object.fromEntries(texts);
  }
  const { os = "", release_title: title = product.release ?? "", arch = "" } = product;
  const label = version.label ? ` (${version.label})` : "";
  return listedProperties({
    product,
    version,
    versionName,
    rootFtype: image.rootFtype,
    requirements: product.requirements ?? product.lxd_requirements ?? {},
    description: `${os} ${title} ${arch}${label} (${versionName})`,
  });
}

function versionDateOf({ versionName }: FoundImage): string {
  return rfc3339(parseVersionName(versionName) ?? new Date(0));
}

/** Only what every client can read, whoever wrote it. */
function dateIn(value: unknown): string | undefined {
  return typeof value === "string" && isExactDate(value) ? value : undefined;
}

function rfc3339(date: Date): string {
  return date.toISOString().replace(".000Z", "Z");
}

function filesOf({ image, items }: FoundImage, base: string): ApiFile[] {
  const file = (role: ApiFile["role"], key: string | undefined): ApiFile[] => {
    const item = key === undefined ? undefined : items.get(key);
    if (item === undefined) return [];
    const path = item.path ?? "";
    return [{ role, path: `${base}${path}`, size: item.size ?? 0, extension: extensionOf(path, role) }];
  };
  if (image.rootFtype === undefined) return file("unified", image.itemKey);
  return [...file("metadata", image.metadataKey), ...file("root", image.itemKey)];
}

/** Command lines take what follows the first dot of a name, and one of them crashes when there is none. */
function extensionOf(path: string, role: ApiFile["role"]): string {
  const known = /\.(tar(?:\.[a-z0-9]{1,5})?|tgz|txz|squashfs|qcow2|img)$/.exec(path)?.[1];
  return known ?? (role === "root" ? "img" : "tar.gz");
}

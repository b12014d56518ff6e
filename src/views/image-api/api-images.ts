import { isExactDate } from "../../simplestreams/exact-date.ts";
import { listedProperties } from "../../simplestreams/listed-properties.ts";
import { parseVersionName } from "../../simplestreams/version-name.ts";
import { Claims, type FoundImage, imagesIn } from "../found-images.ts";
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

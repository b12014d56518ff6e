import { parseAliases } from "../simplestreams/aliases.ts";
import { type FingerprintedImage, fingerprintsOf } from "../simplestreams/fingerprint.ts";
import { type ImageOrigin, originOf } from "../simplestreams/image-origin.ts";
import { roleOf } from "../simplestreams/ftypes.ts";
import type { Item, Product, Version } from "../simplestreams/products.ts";
import { compareVersions } from "../simplestreams/version-name.ts";
import type { Origin } from "../store/generation.ts";
import type { ImageStream, UpstreamStream } from "./image-stream.ts";

/** One image as a person wants to see it listed. Keys are the nouns of the documentation. */
export interface ImageRow {
  readonly stream: string;
  readonly product: string;
  readonly version: string;
  readonly newest: boolean;
  readonly fingerprint: string;
  readonly type: FingerprintedImage["type"];
  /** What the root is: `squashfs`, `root.tar.xz`, `disk-kvm.img`, ... or `unified`. */
  readonly root: string;
  readonly os: string;
  readonly release: string;
  readonly variant: string;
  readonly arch: string;
  readonly title: string;
  readonly label: string;
  readonly aliases: readonly string[];
  readonly requirements: Readonly<Record<string, string>>;
  /** Bytes that a client downloads. */
  readonly size: number;
  /** Whether Incus and LXD list it, by the metadata item's ftype. */
  readonly dialects: FingerprintedImage["dialects"];
  /** Made here, or how it comes from an upstream. */
  readonly origin: Origin;
  /** The daemon that it was taken from; null for what came from files or from an upstream. */
  readonly daemon: ImageOrigin | null;
  /** Whether all its files are here. */
  readonly held: boolean;
  /** When the upstream last listed it: RFC 3339, UTC. Null for what was made here. */
  readonly seen: string | null;
  readonly files: readonly ImageFileRow[];
  /** Files that a daemon with an older version fetches in place of the root. */
  readonly deltas: readonly DeltaRow[];
}

export interface ImageFileRow {
  readonly ftype: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export interface DeltaRow extends ImageFileRow {
  /** Name of the version that a daemon has to hold. */
  readonly base: string;
}

/** Every image of the given image streams, one row each: products in their order, versions newest first. */
export function imageRows(streams: readonly ImageStream[]): ImageRow[] {
  return streams.flatMap((stream) =>
    [...stream.products.products].flatMap(([product, fields]) => productRows(stream, product, fields)),
  );
}

function productRows(stream: ImageStream, key: string, product: Product): ImageRow[] {
  const { upstream } = stream;
  const distrusted = new Set(upstream?.state.distrusted?.map(({ fingerprint }) => fingerprint));
  const names = [...product.versions.keys()].sort(compareVersions);
  const aliases = parseAliases(product.aliases);
  return names.flatMap((name, position) => {
    const version = product.versions.get(name);
    if (version === undefined) return [];
    const seen = seenAt(upstream, key, name);
    const images = fingerprintsOf(version).filter(({ fingerprint }) => !distrusted.has(fingerprint));
    return images.map((image) => ({
      stream: stream.name,
      product: key,
      version: name,
      newest: position === 0,
      fingerprint: image.fingerprint,
      type: image.type,
      root: image.rootFtype ?? "unified",
      os: product.os ?? "",
      release: product.release ?? "",
      variant: product.variant ?? "default",
      arch: product.arch ?? "",
      title: product.release_title ?? "",
      label: version.label ?? "",
      aliases: position === 0 ? aliases : [],
      requirements: product.requirements ?? {},
      size: filesOf(version, image).reduce((sum, file) => sum + file.size, 0),
      dialects: image.dialects,
      origin: stream.origin,
      daemon: upstream === undefined ? (originOf(version) ?? null) : null,
      held:
        upstream === undefined || filesOf(version, image).every(({ sha256 }) => upstream.holds.has(sha256)),
      seen,
      files: filesOf(version, image),
      deltas: deltasOf(version, image),
    }));
  });
}

function seenAt(upstream: UpstreamStream | undefined, product: string, version: string): string | null {
  const dropped = upstream?.state.dropped?.find((one) => one.product === product && one.version === version);
  return dropped?.seenAt ?? upstream?.record.fetchedAt ?? null;
}

function filesOf(version: Version, image: FingerprintedImage): ImageFileRow[] {
  const rows: ImageFileRow[] = [];
  for (const key of [image.metadataKey, image.itemKey]) {
    const item = key === undefined ? undefined : version.items.get(key);
    if (item !== undefined) rows.push(fileRow(item));
  }
  return rows;
}

function deltasOf(version: Version, { rootFtype }: FingerprintedImage): DeltaRow[] {
  const rows: DeltaRow[] = [];
  for (const item of version.items.values()) {
    if (roleOf(item.ftype) !== "delta" || item.ftype !== `${rootFtype}.vcdiff`) continue;
    rows.push({ ...fileRow(item), base: item.delta_base ?? "" });
  }
  return rows;
}

function fileRow({ ftype = "", path = "", size = 0, sha256 = "" }: Item): ImageFileRow {
  return { ftype, path, size, sha256 };
}

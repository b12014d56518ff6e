import type { Item, Product, ProductsFile, Version } from "../simplestreams/products.ts";
import type { ImageStream } from "./image-stream.ts";

/**
 * The list of the files for LXC, below an image stream. It has the form of a products file and no index names it: clients of simplestreams
 * need not see these files, and everything that looks after the items of a store does.
 */
export const LXC_PRODUCTS = "streams/v1/lxc.json";

/** Whether a document of an image stream's own root is that list or an index of LXC, or signs one. */
export function isLxcDocument(path: string): boolean {
  return path.startsWith("meta/1.0/") || /^streams\/v1\/lxc\.(?:json|sjson|json\.gpg)$/.test(path);
}

/** What the items of that list are. */
export const lxcFtypes = {
  rootfs: "lxc.rootfs.tar.xz",
  metadata: "lxc.meta.tar.xz",
  signature: "lxc.signature",
} as const;

/** The files of one build, as they are named in its folder. Clients know the first two by heart (LXC templates/lxc-download.in). */
export const lxcNames = { rootfs: "rootfs.tar.xz", metadata: "meta.tar.xz" } as const;

/** One build that LXC can have. */
export interface LxcBuild {
  readonly product: string;
  readonly version: string;
  /** Below the image stream, without slashes around it. */
  readonly folder: string;
  readonly items: ReadonlyMap<string, Item>;
}

/** The builds of a product that have their files, by the names of their versions. */
export function lxcBuildsOf(stream: ImageStream, product: string): ReadonlyMap<string, LxcBuild> {
  const builds = new Map<string, LxcBuild>();
  for (const [version, { items }] of stream.lxc?.products.get(product)?.versions ?? []) {
    const path = items.get(lxcNames.rootfs)?.path ?? "";
    if (!items.has(lxcNames.metadata) || !path.endsWith(`/${lxcNames.rootfs}`)) continue;
    const folder = path.slice(0, -lxcNames.rootfs.length - 1);
    builds.set(version, { product, version, folder, items });
  }
  return builds;
}

/**
 * The image stream with those files for LXC that still belong to something in it: versions go, and a version may get other files. What a
 * file was made from says `made_from`.
 */
export function withCurrentLxc(stream: ImageStream): ImageStream {
  if (stream.lxc === undefined) return stream;
  const { products } = stream.products;
  return withLxcVersions(stream, stream.lxc, (files, product, version) =>
    belongs(files, products.get(product)?.versions.get(version)),
  );
}

function withLxcVersions(
  stream: ImageStream,
  lxc: ProductsFile,
  isWanted: (files: Version, product: string, version: string) => boolean,
): ImageStream {
  const products = new Map<string, Product>();
  for (const [key, { versions, ...fields }] of lxc.products) {
    const wanted = new Map([...versions].filter(([name, files]) => isWanted(files, key, name)));
    if (wanted.size > 0) products.set(key, { ...fields, versions: wanted });
  }
  return { ...stream, lxc: { ...lxc, products } };
}

function belongs(files: Version, listed: Version | undefined): boolean {
  const here = new Set([...(listed?.items.values() ?? [])].map(({ sha256 }) => sha256));
  return [...files.items.values()].every(
    ({ made_from: source }) => typeof source === "string" && here.has(source),
  );
}

/** The image stream without the builds of which a file for LXC has bytes like these. */
export function withoutLxcBuilds(stream: ImageStream, isUnwanted: (sha256: string) => boolean): ImageStream {
  if (stream.lxc === undefined) return stream;
  return withLxcVersions(stream, stream.lxc, (files) =>
    [...files.items.values()].every(({ sha256 }) => !isUnwanted(sha256 ?? "")),
  );
}

/** The bytes of files for LXC that were made from one of these. */
export function lxcBytesMadeFrom({ lxc }: ImageStream, sources: ReadonlySet<string>): string[] {
  const products = [...(lxc?.products.values() ?? [])];
  const versions = products.flatMap((product) => Array.from(product.versions.values()));
  const items = versions.flatMap((version) => Array.from(version.items.values()));
  return items.flatMap(({ made_from: source, sha256 }) =>
    typeof source === "string" && sources.has(source) && sha256 !== undefined ? [sha256] : [],
  );
}

/** The builds of both; where both have one, that of the image stream. */
export function withLxcOf(stream: ImageStream, { lxc }: ImageStream): ImageStream {
  let joined = lxc;
  for (const [product, { versions }] of stream.lxc?.products ?? []) {
    for (const [version, { items }] of versions)
      joined = withLxcBuild(joined ?? emptyLxc(stream.name), { product, version, items });
  }
  return joined === undefined ? stream : { ...stream, lxc: joined };
}

/** An image stream whose builds LXC is to have, as yet without any. */
export function emptyLxc(stream: string): ProductsFile {
  return {
    content_id: `${stream}:lxc`,
    datatype: "lxc-images",
    format: "products:1.0",
    products: new Map(),
  };
}

/** The list with the files of one build, in place of those that the version had. */
export function withLxcBuild(
  file: ProductsFile,
  { product, version, items }: Omit<LxcBuild, "folder">,
): ProductsFile {
  const versions = new Map(file.products.get(product)?.versions).set(version, { items });
  return { ...file, products: new Map(file.products).set(product, { versions }) };
}

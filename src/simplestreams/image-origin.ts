import type { Product, ProductsFile, Version } from "./products.ts";

/** Where a version of the site's own image stream was taken from. In memory it is the version's `origin`; it is never served. */
export interface ImageOrigin {
  /** `incus` or `lxd`, or what else the server calls itself. */
  readonly daemon: string;
  /** What the daemon calls its machine. */
  readonly server: string;
  /** By which it is known again, whatever it calls itself: its socket or URL, and its project. */
  readonly source: string;
  /** Of the image there: another one here when a virtual machine was taken apart. */
  readonly fingerprint: string;
  /** RFC 3339, UTC. */
  readonly pulled_at: string;
  /** Left out for what was made on that machine. */
  readonly upstream?: { readonly server: string; readonly alias: string };
}

/** What a version says about where it was taken from; undefined for what was added from files. */
export function originOf(version: Version): ImageOrigin | undefined {
  const origin = version["origin"];
  if (typeof origin !== "object" || origin === null || Array.isArray(origin)) return undefined;
  const { daemon, server, source, fingerprint } = origin as Partial<ImageOrigin>;
  const isOne = [daemon, server, source, fingerprint].every((field) => typeof field === "string");
  // Written by this program, and by nobody else.
  return isOne ? (origin as unknown as ImageOrigin) : undefined;
}

/** Whether a version was taken from this daemon. */
export function isFrom(version: Version | undefined, source: string): boolean {
  return version !== undefined && originOf(version)?.source === source;
}

/** By product, then by version: those that were taken from a daemon. */
export function originsOf({ products }: ProductsFile): Map<string, Map<string, ImageOrigin>> {
  const origins = new Map<string, Map<string, ImageOrigin>>();
  for (const [key, { versions }] of products) {
    const known = new Map<string, ImageOrigin>();
    for (const [name, version] of versions) {
      const origin = originOf(version);
      if (origin !== undefined) known.set(name, origin);
    }
    if (known.size > 0) origins.set(key, known);
  }
  return origins;
}

/** The same products as they are served. */
export function withoutOrigins(file: ProductsFile): ProductsFile {
  return changeVersions(file, originsOf(file), ({ origin: _origin, ...version }) => version as Version);
}

/** The opposite. */
export function withOrigins(
  file: ProductsFile,
  origins: ReadonlyMap<string, ReadonlyMap<string, unknown>>,
): ProductsFile {
  return changeVersions(file, origins, (version, origin) => ({
    ...version,
    origin: origin as Version[string],
  }));
}

function changeVersions<Origin>(
  file: ProductsFile,
  origins: ReadonlyMap<string, ReadonlyMap<string, Origin>>,
  change: (version: Version, origin: Origin) => Version,
): ProductsFile {
  if (origins.size === 0) return file;
  const products = new Map(file.products);
  for (const [key, of] of origins) {
    const product = products.get(key);
    if (product === undefined) continue;
    const versions = new Map(product.versions);
    for (const [name, origin] of of) {
      const version = versions.get(name);
      if (version !== undefined) versions.set(name, change(version, origin));
    }
    products.set(key, { ...product, versions });
  }
  return { ...file, products };
}

/**
 * Whether everything in a product was somebody else's before a daemon had it. Such a product never stands in the way of an image stream
 * that has it from there.
 */
export function isBorrowed({ versions }: Product): boolean {
  return (
    versions.size > 0 && [...versions.values()].every((version) => originOf(version)?.upstream !== undefined)
  );
}

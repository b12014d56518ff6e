import { combinedFields, deltaFtypes, metadataFtypes, roleOf } from "../simplestreams/ftypes.ts";
import { isImages, type Listing } from "../simplestreams/listing.ts";
import type { Item, Product, ProductsFile, Version } from "../simplestreams/products.ts";

/**
 * What a delta made here says besides its base's name: the bytes it is applied to, and those it makes. A version may get other files
 * under the same name, and clients do not go back to the whole file when a delta turns out not to fit.
 */
export interface DeltaRoots {
  readonly delta_base_sha256: string;
  readonly delta_root_sha256: string;
}

/**
 * The versions with one usable delta each at most, and that of a squashfs. Clients do not go back to the whole file once they chose a
 * delta; Incus applies all that fit one after the other into the same file (client/simplestreams_images.go), and looks for the base of a
 * virtual machine's delta under the container's fingerprint (shared/simplestreams/products.go). Nothing is copied where nothing goes.
 */
export function withUsableDeltas(versions: ReadonlyMap<string, Version>): ReadonlyMap<string, Version> {
  let checked: Map<string, Version> | undefined;
  for (const [name, version] of versions) {
    const deltas = [...version.items].filter(([, { ftype }]) => roleOf(ftype) === "delta");
    const best = deltas
      .filter(([, delta]) => isUsable(delta, version, versions.get(delta.delta_base ?? "")))
      .toSorted(([, one], [, other]) => ((one.delta_base ?? "") < (other.delta_base ?? "") ? 1 : -1))
      .at(0);
    if (deltas.length === (best === undefined ? 0 : 1)) continue;
    const unusable = new Set(deltas.map(([key]) => key).filter((key) => key !== best?.[0]));
    const items = new Map([...version.items].filter(([key]) => !unusable.has(key)));
    checked = (checked ?? new Map(versions)).set(name, { ...version, items });
  }
  return checked ?? versions;
}

/** The same for every product of a file. */
export function withUsableDeltasIn(file: ProductsFile): ProductsFile {
  let changed: Map<string, Product> | undefined;
  for (const [key, product] of file.products) {
    const versions = withUsableDeltas(product.versions);
    if (versions === product.versions) continue;
    changed = (changed ?? new Map(file.products)).set(key, { ...product, versions });
  }
  return changed === undefined ? file : { ...file, products: changed };
}

/**
 * Of an upstream's deltas what the merged root lists too. Its own bytes and signatures stay as they are while nothing else changes: then
 * clients find here what they would find there.
 */
export function withUsableDeltasInAll(listing: Listing): Listing {
  return new Map(
    [...listing].map(([path, file]) => [path, isImages(file) ? withUsableDeltasIn(file) : file]),
  );
}

/** The squashfs that a version's delta makes, and that it is applied to on a host that holds the version. */
export function deltaRootOf(version: Version | undefined): Item | undefined {
  return [...(version?.items.values() ?? [])].find(({ ftype }) => ftype === "squashfs");
}

/** The delta that a version lists. */
export function deltaOf(version: Version): Item | undefined {
  return [...version.items.values()].find(({ ftype }) => ftype === deltaFtypes.squashfs);
}

/** Whether clients can tell from this version which file a delta is against. */
export function canBeBase(version: Version): boolean {
  return [...version.items.values()].some(
    (item) =>
      Object.values(metadataFtypes).some((ftype) => ftype === item.ftype) &&
      (item[combinedFields.squashfs] ?? "") !== "",
  );
}

function isUsable(delta: Item, version: Version, base: Version | undefined): boolean {
  if (delta.ftype !== deltaFtypes.squashfs || base === undefined || base === version) return false;
  const root = deltaRootOf(version);
  return (
    root !== undefined &&
    canBeBase(base) &&
    isOf(delta["delta_root_sha256"], root) &&
    isOf(delta["delta_base_sha256"], deltaRootOf(base))
  );
}

/** An upstream's delta says nothing of it. */
function isOf(said: unknown, root: Item | undefined): boolean {
  return said === undefined || said === root?.sha256;
}

import { metadataFtypes, roleOf } from "../../simplestreams/ftypes.ts";
import type { Item, Product, Version } from "../../simplestreams/products.ts";
import { compareVersions } from "../../simplestreams/version-name.ts";
import type { ImageStream } from "../../views/image-stream.ts";
import { type LxcBuild, lxcBuildsOf, lxcNames, withCurrentLxc } from "../../views/lxc-files.ts";

/** One build whose files for LXC are to be made. */
export interface LxcWork {
  readonly stream: string;
  readonly product: string;
  readonly fields: Product;
  readonly version: string;
  readonly root: FileItem;
  readonly metadata: FileItem;
  /** The files that are here, when only signatures are missing. */
  readonly made?: LxcBuild;
}

/** An item whose bytes can be read. */
export type FileItem = Item & { readonly sha256: string; readonly size: number };

export interface LeftOut {
  readonly stream: string;
  /** Left out: the image stream as a whole. */
  readonly product?: string;
  readonly reason: string;
}

export interface LxcPlan {
  readonly work: readonly LxcWork[];
  readonly leftOut: readonly LeftOut[];
}

export interface LxcWishes {
  /** The image streams whose builds LXC is to have. */
  readonly streams: ReadonlySet<string>;
  /** Of the key that files are to be signed with. */
  readonly signer: string | undefined;
}

/**
 * What is to be made: for each product its newest build with a container. Older ones keep what they have for as long as they are listed, so
 * that a bad build can be removed and the one before is there at once.
 */
export function planLxc(streams: readonly ImageStream[], wishes: LxcWishes): LxcPlan {
  const work: LxcWork[] = [];
  const leftOut: LeftOut[] = [...wishes.streams]
    .filter((name) => streams.every((stream) => stream.name !== name))
    .map((stream) => ({ stream, reason: "there is no such image stream yet" }));
  for (const stream of streams.map(withCurrentLxc)) {
    if (!wishes.streams.has(stream.name)) continue;
    if (stream.origin === "cache") {
      const reason =
        "a cache: its files are at the upstream, and LXC gets what is made of files that are here";
      leftOut.push({ stream: stream.name, reason });
      continue;
    }
    for (const [product, fields] of stream.products.products) {
      const found = newestContainer(fields);
      if (found === undefined) {
        const reason = "its images are in one file each, and LXC needs the root in a file of its own";
        if (hasUnified(fields)) leftOut.push({ stream: stream.name, product, reason });
        continue;
      }
      const made = lxcBuildsOf(stream, product).get(found.version);
      const isMade = made !== undefined && isMadeFrom(made, found);
      if (isMade && isSigned(made, wishes.signer)) continue;
      work.push({ stream: stream.name, product, fields, ...found, ...(isMade ? { made } : {}) });
    }
  }
  return { work, leftOut };
}

type Found = Pick<LxcWork, "version" | "root" | "metadata">;

function newestContainer({ versions }: Product): Found | undefined {
  for (const version of [...versions.keys()].toSorted(compareVersions)) {
    const files = containerFiles(versions.get(version));
    if (files !== undefined) return { version, ...files };
  }
  return undefined;
}

/** With both, the tarball wins: it is nearer to what LXC gets. */
function containerFiles(version: Version | undefined): Pick<LxcWork, "root" | "metadata"> | undefined {
  const items = [...(version?.items.values() ?? [])].filter(isFile);
  const root =
    items.find(({ ftype }) => ftype === "root.tar.xz") ?? items.find(({ ftype }) => ftype === "squashfs");
  const metadata =
    items.find(({ ftype }) => ftype === metadataFtypes.incus) ??
    items.find(({ ftype }) => ftype === metadataFtypes.lxd);
  return root === undefined || metadata === undefined ? undefined : { root, metadata };
}

function isFile(item: Item): item is FileItem {
  return item.path !== undefined && item.size !== undefined && /^[0-9a-f]{64}$/.test(item.sha256 ?? "");
}

function hasUnified({ versions }: Product): boolean {
  return [...versions.values()].some(({ items }) =>
    [...items.values()].some(({ ftype }) => roleOf(ftype) === "unified"),
  );
}

function isMadeFrom({ items }: LxcBuild, { root, metadata }: Found): boolean {
  return (
    items.get(lxcNames.rootfs)?.["made_from"] === root.sha256 &&
    items.get(lxcNames.metadata)?.["made_from"] === metadata.sha256
  );
}

/** Without a key what was signed before stays. */
function isSigned({ items }: LxcBuild, signer: string | undefined): boolean {
  if (signer === undefined) return true;
  return Object.values(lxcNames).every((name) => items.get(`${name}.asc`)?.["key"] === signer);
}

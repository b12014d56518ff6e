import { kernelArchitecture } from "./architectures.ts";
import type { ClientProfile } from "./client-profile.ts";
import { finding, type Finding, type Place } from "./finding.ts";
import {
  combinedFields,
  combinedHash,
  isRootFtype,
  metadataFtypes,
  type RootFtype,
  unifiedFtypes,
} from "./ftypes.ts";
import { printable, quoted } from "./printable.ts";
import type { Item, Product, ProductsFile, Version } from "./products.ts";
import { versionDate } from "./version-name.ts";

/** What makes one image, before it is put into words. */
export interface Candidate {
  readonly productKey: string;
  readonly product: Product;
  readonly architecture: string;
  readonly versionName: string;
  readonly version: Version;
  readonly date: Date;
  readonly fingerprint: string;
  readonly metadataKey: string;
  /** The metadata item, or the unified one. */
  readonly metadata: Item & { readonly path: string };
  /** Undefined when unified. */
  readonly root: { readonly key: string; readonly ftype: RootFtype; readonly item: Item } | undefined;
}

/** Who wants to know what the walk finds. */
export interface WalkSink {
  image(candidate: Candidate): void;
  hidden(finding: Finding): void;
}

/**
 * Goes through a products file as `ToAPI` (Incus) and `ToLXD` (LXD) do, with the same questions in the same order. Both
 * what a client lists and what it does not come out of this one walk, so that the two cannot disagree. The clients go
 * through Go maps, in random order; here it is the order of the file.
 */
export function walkAsClient(file: ProductsFile, client: ClientProfile, sink: WalkSink): void {
  for (const [productKey, product] of file.products) {
    const architecture = kernelArchitecture(product.arch ?? "", client);
    if (architecture === undefined) {
      const reason = `${client.name} does not know the architecture ${quoted(product.arch)}`;
      sink.hidden(finding("unknown-architecture", { product: productKey }, reason));
      continue;
    }
    if (product.versions.size === 0) {
      sink.hidden(finding("no-versions", { product: productKey }, "the product has no version"));
    }
    for (const [versionName, version] of product.versions) {
      const date = versionDate(versionName, client.versionPrecision);
      if (date === undefined) {
        const reason = `expected a version name that begins with a real date, YYYYMMDD, got ${quoted(versionName)}`;
        sink.hidden(finding("version-name", { product: productKey, version: versionName }, reason));
        continue;
      }
      walkVersion({ productKey, product, architecture, versionName, version, date }, client, sink);
    }
  }
}

type AtVersion = Omit<Candidate, "fingerprint" | "metadataKey" | "metadata" | "root">;

function walkVersion(at: AtVersion, client: ClientProfile, sink: WalkSink): void {
  let known = false;
  for (const [key, item] of at.version.items) {
    if (item.ftype === unifiedFtypes[client.family]) {
      known = true;
      offer({ at, key, item, root: undefined, fingerprint: item.sha256 }, sink);
    } else if (item.ftype === metadataFtypes[client.family]) {
      known = true;
      walkRoots(at, { key, item }, sink);
    }
  }
  if (!known) sink.hidden(finding("no-metadata", placeOf(at), noMetadata(at.version, client)));
}

function walkRoots(
  at: AtVersion,
  metadata: { readonly key: string; readonly item: Item },
  sink: WalkSink,
): void {
  let rooted = false;
  for (const [key, item] of at.version.items) {
    if (!isRootFtype(item.ftype)) continue;
    rooted = true;
    const root = { key, ftype: item.ftype, item };
    offer({ at, ...metadata, root, fingerprint: combinedHash(metadata.item, item.ftype) }, sink);
  }
  if (rooted) return;
  const reason = `expected a root (squashfs, root.tar.xz or a disk) beside the metadata, got ${ftypesOf(at.version)}`;
  sink.hidden(finding("no-root", { ...placeOf(at), item: metadata.key }, reason));
}

interface Offer {
  readonly at: AtVersion;
  readonly key: string;
  readonly item: Item;
  readonly root: Candidate["root"];
  readonly fingerprint: string | undefined;
}

function offer({ at, key, item, root, fingerprint }: Offer, sink: WalkSink): void {
  if (fingerprint === undefined || fingerprint === "") {
    const field = root === undefined ? "sha256" : combinedFields[root.ftype];
    const reason = `${quoted(key)} has no ${field}, so the image has no fingerprint`;
    sink.hidden(finding("no-fingerprint", { ...placeOf(at), item: root?.key ?? key }, reason));
    return;
  }
  const { path } = item;
  if (path === undefined || path === "") {
    sink.hidden(finding("metadata-path", { ...placeOf(at), item: key }, `${quoted(key)} has no path`));
    return;
  }
  sink.image({ ...at, fingerprint, metadataKey: key, metadata: { ...item, path }, root });
}

function noMetadata(version: Version, client: ClientProfile): string {
  const wanted = metadataFtypes[client.family];
  const other = client.family === "incus" ? "lxd" : "incus";
  const ftypes = new Set([...version.items.values()].map((item) => item.ftype));
  if (ftypes.has(metadataFtypes[other])) {
    return `there is ${metadataFtypes[other]} and no ${wanted}, the only one ${client.name} reads`;
  }
  if (ftypes.has(unifiedFtypes[other])) {
    return `there is ${unifiedFtypes[other]} and no ${unifiedFtypes[client.family]}, the only one ${client.name} reads`;
  }
  return `expected an item of ftype ${wanted} or ${unifiedFtypes[client.family]}, got ${ftypesOf(version)}`;
}

function ftypesOf(version: Version): string {
  const ftypes = [...new Set([...version.items.values()].map((item) => item.ftype ?? "no ftype"))];
  const shown = ftypes.slice(0, 6).map((ftype) => printable(ftype.slice(0, 40)));
  return shown.length === 0 ? "no items" : `${shown.join(", ")}${ftypes.length > 6 ? ", …" : ""}`;
}

function placeOf(at: AtVersion): Place {
  return { product: at.productKey, version: at.versionName };
}

import { HeadwaterError } from "../../error.ts";
import { type RecognisedFile, recognise } from "../../image/recognise.ts";
import { isValidAlias, parseAliases } from "../../simplestreams/aliases.ts";
import type { Item, Json, Product, ProductsFile, Version } from "../../simplestreams/products.ts";
import { compareVersions, versionDate } from "../../simplestreams/version-name.ts";
import type { Generation } from "../../store/generation.ts";
import type { Store, StoreWriter } from "../../store/store.ts";
import { publish } from "../../publish/publish.ts";
import { readStreams } from "../../publish/read-streams.ts";
import { type ImageStream, withOwnStream } from "../../views/image-stream.ts";
import { blobsOfBuild, type Build, fingerprintsOfBuild } from "../build.ts";
import { type ListedBuild, listBuild } from "../list-build.ts";
import { Listing } from "../listing.ts";
import { type AddOptions, SPLIT_NOTE } from "./add-files.ts";
import type { Found, GatheredImage } from "./gather.ts";
import { nameBuild } from "./name-build.ts";
import { type StagedImage, stageImage } from "./stage-image.ts";
import { openTree, type Tree } from "./tree.ts";

export interface Imported {
  /** The one generation that lists it all, or undefined when nothing changed. */
  readonly generation: Generation | undefined;
  readonly listed: readonly ListedBuild[];
  /** What was left out, and why; the rest was taken all the same. */
  readonly skipped: readonly Skipped[];
}

export interface Skipped {
  readonly product: string;
  readonly version: string;
  readonly reason: string;
}

interface TreeBuild {
  readonly product: string;
  readonly version: string;
  readonly build: Build;
  readonly notes: readonly string[];
}

/**
 * Takes over a whole simplestreams tree in one generation. Every file is read once and held against the size, the hash
 * and the fingerprint that the tree promises; a build that fails is left out with its reason and hides nothing else.
 */
export async function importTree(store: Store, folder: string, options: AddOptions = {}): Promise<Imported> {
  const tree = await openTree(folder);
  const writer = await store.writer("add");
  try {
    const skipped: Skipped[] = [];
    const builds = await stageTree(tree, writer, skipped, options);
    let listed: Imported["listed"] = [];
    const refused: Skipped[] = [];
    const place = (streams: readonly ImageStream[]): readonly ImageStream[] => {
      refused.length = 0;
      return withOwnStream(streams, (products) => {
        const result = listAll(products, builds, refused);
        listed = result.listed;
        return result.products;
      });
    };
    if (options.dryRun === true) {
      place(await readStreams(store, await store.newest()));
      return { generation: undefined, listed, skipped: [...skipped, ...refused] };
    }
    const generation = await publish(store, writer, (streams) => {
      const after = place(streams);
      if (listed.every((build) => build.status === "unchanged")) return undefined;
      return {
        reason: { verb: "add", text: `${listed.length} builds of the tree ${folder}` },
        streams: after,
      };
    });
    // Builds that are listed already: their bytes were checked just now and take the place of any that are damaged.
    if (generation === undefined) await writer.place(builds.flatMap(({ build }) => blobsOfBuild(build)));
    return { generation, listed, skipped: [...skipped, ...refused] };
  } finally {
    await writer.close();
  }
}

function listAll(products: ProductsFile, builds: readonly TreeBuild[], refused: Skipped[]) {
  const listed: ListedBuild[] = [];
  const listing = new Listing(products);
  for (const { product, version, build, notes } of builds) {
    try {
      const one = listBuild(listing, build, { now: new Date(), from: "tree" });
      listed.push({ ...one, notes: [...notes, ...one.notes] });
    } catch (error) {
      refused.push({ product, version, reason: reasonOf(error) });
    }
  }
  return { products: listing.file, listed };
}

async function stageTree(
  tree: Tree,
  writer: StoreWriter,
  skipped: Skipped[],
  options: AddOptions,
): Promise<TreeBuild[]> {
  const builds: TreeBuild[] = [];
  for (const file of tree.files) {
    for (const [product, fields] of file.products) {
      // Oldest first, so that bytes listed under two versions end up in the newer one.
      for (const version of [...fields.versions.keys()].sort(compareVersions).reverse()) {
        const content = fields.versions.get(version);
        if (content === undefined) continue;
        try {
          builds.push(
            await stageVersion({ tree, writer, product: fields, version, content }, { product, options }),
          );
        } catch (error) {
          skipped.push({ product, version, reason: reasonOf(error) });
        }
      }
    }
  }
  return builds;
}

/** Only what Headwater foresees is a reason to go on; a full disk or a bug ends the import. */
function reasonOf(error: unknown): string {
  if (error instanceof HeadwaterError && !error.code.startsWith("STORE_")) return error.message;
  throw error;
}

interface TreeVersion {
  readonly tree: Tree;
  readonly writer: StoreWriter;
  readonly product: Product;
  readonly version: string;
  readonly content: Version;
}

async function stageVersion(
  at: TreeVersion,
  context: { readonly product: string; readonly options: AddOptions },
): Promise<TreeBuild> {
  const { product, version, content } = at;
  const builtAt = dateOf(version);
  if (builtAt === undefined) {
    throw new HeadwaterError("NAME_INVALID", `every client ignores a version called "${version}"`);
  }
  const image = await gatherVersion(at);
  const staged = await stageImage(at.writer, image, context.options);
  const notes = staged.rewritten ? [SPLIT_NOTE] : comparedWithPromise(content, staged);
  const aliases = parseAliases(product.aliases);
  const usable = aliases.filter((alias) => isValidAlias(alias));
  if (usable.length < aliases.length) notes.push("An alias that no client could use was left out.");
  const wishes = {
    ...defined("os", product.os),
    ...defined("release", product.release),
    ...defined("variant", product.variant),
    ...defined("arch", product.arch),
    ...defined("releaseTitle", product.release_title),
    ...defined("label", content.label),
    requirements: { ...product.requirements, ...product.lxd_requirements },
    aliases: usable,
  };
  const named = nameBuild(`${context.product} ${version}`, staged.metadata, wishes);
  const build: Build = {
    ...named,
    builtAt,
    files: staged.files,
    productFields: without(product, ["versions"]),
    versionFields: without(content, ["items"]),
  };
  return { product: context.product, version, build, notes };
}

/** Tools write the minute with a colon or without any separator; one product must not mix them, as names sort as text. */
function dateOf(version: string): Date | undefined {
  return versionDate(version.replace(/^(\d{8})[_-]?(\d\d):?(\d\d)$/, "$1_$2$3"), "minute");
}

function defined<Key extends string>(key: Key, value: string | undefined): { [K in Key]?: string } {
  return (value === undefined || value === "" ? {} : { [key]: value }) as { [K in Key]?: string };
}

function without(fields: Product | Version, containers: readonly string[]): Readonly<Record<string, Json>> {
  return Object.fromEntries(
    Object.entries(fields).filter(([key, value]) => !containers.includes(key) && value !== undefined),
  );
}

const METADATA_FTYPES = ["incus.tar.xz", "lxd.tar.xz"];
const UNIFIED_FTYPES = ["incus_combined.tar.gz", "lxd_combined.tar.gz"];
const ROOT_FTYPES = ["squashfs", "root.tar.xz", "disk-kvm.img", "uefi1.img", "disk1.img"];

/** The files of a version that make an image, each found, inside the tree, and of the kind its ftype promises. */
async function gatherVersion({ tree, content }: TreeVersion): Promise<GatheredImage> {
  const items = [...content.items.values()];
  const metadata = byPreference(items, METADATA_FTYPES)[0];
  const roots = byPreference(items, ROOT_FTYPES);
  if (metadata !== undefined && roots.length > 0) {
    const found: Found<"root" | "disk">[] = [];
    for (const root of roots) {
      const one = await recogniseItem(tree, root);
      if (one.kind !== "root" && one.kind !== "disk") throw wrongKind(root, one.kind);
      // One file under two ftypes, as Ubuntu lists its disks, is one root.
      const { kind, format } = one;
      if (!found.some((other) => other.kind === kind && other.format === format)) {
        found.push(one);
      }
    }
    const one = await recogniseItem(tree, metadata);
    if (one.kind !== "metadata") throw wrongKind(metadata, one.kind);
    return { kind: "split", metadata: one, roots: found };
  }
  const unified = byPreference(items, UNIFIED_FTYPES)[0];
  if (unified === undefined) {
    throw new HeadwaterError("IMAGE_INVALID", "it has no metadata item with a root, and no unified item");
  }
  const one = await recogniseItem(tree, unified);
  if (one.kind !== "unified") throw wrongKind(unified, one.kind);
  return { kind: "unified", image: one };
}

function byPreference(items: readonly Item[], ftypes: readonly string[]): Item[] {
  return ftypes.flatMap((ftype) => items.filter((item) => item.ftype === ftype).slice(0, 1));
}

async function recogniseItem(tree: Tree, item: Item): Promise<RecognisedFile> {
  return recognise(await tree.resolve(item.path ?? ""));
}

function wrongKind(item: Item, kind: string): HeadwaterError {
  return new HeadwaterError(
    "IMAGE_INVALID",
    `${item.path ?? ""} is listed as ${item.ftype ?? ""} and is ${kind}`,
  );
}

/** Bytes that are not what the tree promises are not taken; a fingerprint that it gives wrongly is said. */
function comparedWithPromise(content: Version, staged: StagedImage): string[] {
  const { files } = staged;
  const promised = [...content.items.values()];
  for (const file of files.kind === "unified" ? [files.image] : [files.metadata, ...files.roots]) {
    if (promised.some((item) => item.sha256 === file.sha256 && (item.size ?? file.size) === file.size))
      continue;
    throw new HeadwaterError(
      "BLOB_MISMATCH",
      `a ${file.extension} file has not the size and SHA-256 that the tree gives`,
      {
        hint: "The file was changed after it was published; take it from its origin again.",
        details: { found: file.sha256 },
      },
    );
  }
  const metadata = byPreference(promised, METADATA_FTYPES)[0];
  if (metadata === undefined) return [];
  const combined = Object.entries(metadata).filter(([key]) => key.startsWith("combined_"));
  const given = new Set(combined.map(([, value]) => value));
  return fingerprintsOfBuild(staged)
    .filter((fingerprint) => !given.has(fingerprint))
    .map(
      (fingerprint) =>
        `The tree gives another fingerprint than the bytes have, which is ${fingerprint.slice(0, 12)}.`,
    );
}

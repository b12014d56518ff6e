import { HeadwaterError } from "../../error.ts";
import type { ReadOptions } from "../../image/file-bytes.ts";
import { isValidAlias, parseAliases } from "../../simplestreams/aliases.ts";
import { quoted } from "../../simplestreams/printable.ts";
import type { Json, Product, Version } from "../../simplestreams/products.ts";
import { compareVersions, versionDate } from "../../simplestreams/version-name.ts";
import type { StoreWriter } from "../../store/store.ts";
import type { Build } from "../build.ts";
import { SPLIT_NOTE } from "./add-files.ts";
import { type ChosenItems, chooseItems } from "./choose-items.ts";
import { metadataOf } from "./gather.ts";
import { compareUnified, compareWithPromise, gatherItems } from "./gather-items.ts";
import { nameBuild } from "./name-build.ts";
import { severalAtOnce } from "../../store/several-at-once.ts";
import { stageImage } from "./stage-image.ts";
import { TreeProgress } from "./tree-progress.ts";
import type { Tree } from "./tree.ts";

/** One version of a tree, by the names it has there. */
export interface TreeVersion {
  readonly product: string;
  readonly version: string;
}

export interface TreeBuild extends TreeVersion {
  readonly build: Build;
  readonly notes: readonly string[];
}

export interface Skipped extends TreeVersion {
  readonly reason: string;
}

export interface StagedTree {
  readonly builds: readonly TreeBuild[];
  readonly skipped: readonly Skipped[];
}

/** While one build waits for the disk, the other is read and hashed. More would not be faster, and cost 8 MiB each. */
const AT_ONCE = 2;

/**
 * Copies every build of a tree into the writer's private area, each held against the size, the hash and the fingerprint that
 * the tree promises. Progress is told for the tree as a whole, under the path of its folder.
 */
export async function stageTree(tree: Tree, writer: StoreWriter, options: ReadOptions): Promise<StagedTree> {
  const planned = plan(tree);
  const total = planned.reduce((sum, one) => sum + sizeOf(one), 0);
  const progress = new TreeProgress(tree.folder, total, options.onProgress);
  const staged = await severalAtOnce(planned, AT_ONCE, async (one) => {
    options.signal?.throwIfAborted();
    if ("reason" in one) return one;
    const reading = { signal: options.signal, onProgress: progress.of(one) };
    try {
      return await stagePlanned(one, { tree, writer, options: reading });
    } catch (error) {
      options.signal?.throwIfAborted();
      return { product: one.product, version: one.version, reason: reasonOf(error) };
    } finally {
      progress.ended(one, sizeOf(one));
    }
  });
  return {
    builds: staged.filter((one) => "build" in one),
    skipped: staged.filter((one) => "reason" in one),
  };
}

/** Only what Headwater foresees is a reason to go on; a full disk or a bug ends the import. */
export function reasonOf(error: unknown): string {
  if (error instanceof HeadwaterError && !error.code.startsWith("STORE_")) return error.message;
  throw error;
}

interface Planned extends TreeVersion {
  readonly fields: Product;
  readonly productFields: Readonly<Record<string, Json>>;
  readonly content: Version;
  readonly builtAt: Date;
  readonly chosen: ChosenItems;
}

/** All builds, told by the documents alone. Oldest first, so that bytes listed under two versions end up in the newer one. */
function plan(tree: Tree): (Planned | Skipped)[] {
  const planned: (Planned | Skipped)[] = [];
  for (const file of tree.files) {
    for (const [product, fields] of file.products) {
      const shared = { product, fields, productFields: without(fields, "versions") };
      for (const version of [...fields.versions].toSorted(([a], [b]) => compareVersions(b, a))) {
        planned.push(planVersion(shared, version));
      }
    }
  }
  return planned;
}

function planVersion(
  shared: Pick<Planned, "product" | "fields" | "productFields">,
  [version, content]: readonly [string, Version],
): Planned | Skipped {
  try {
    return { ...shared, version, content, builtAt: dateOf(version), chosen: chooseItems(content) };
  } catch (error) {
    return { product: shared.product, version, reason: reasonOf(error) };
  }
}

function sizeOf(one: Planned | Skipped): number {
  return "chosen" in one ? one.chosen.items.reduce((sum, item) => sum + (item.size ?? 0), 0) : 0;
}

/** Tools write the minute with a colon or without any separator; one product must not mix them, as names sort as text. */
function dateOf(version: string): Date {
  const date = versionDate(version.replace(/^(\d{8})[_-]?(\d\d):?(\d\d)$/, "$1_$2$3"), "minute");
  if (date !== undefined) return date;
  throw new HeadwaterError("NAME_INVALID", `every client ignores a version called ${quoted(version)}`);
}

interface Context {
  readonly tree: Tree;
  readonly writer: StoreWriter;
  readonly options: ReadOptions;
}

async function stagePlanned(planned: Planned, { tree, writer, options }: Context): Promise<TreeBuild> {
  const { product, version, fields, productFields, content, builtAt, chosen } = planned;
  const image = await gatherItems(tree, chosen, options);
  const aliases = parseAliases(fields.aliases);
  const unusable = aliases.filter((alias) => !isValidAlias(alias));
  const named = nameBuild(`${product} ${version}`, metadataOf(image), {
    ...defined("os", fields.os),
    ...defined("release", fields.release),
    ...defined("variant", fields.variant),
    ...defined("arch", fields.arch),
    ...defined("releaseTitle", fields.release_title),
    ...defined("label", content.label),
    requirements: { ...fields.requirements, ...fields.lxd_requirements },
    aliases: aliases.filter((alias) => isValidAlias(alias)),
  });
  if (image.kind === "unified" && image.image.type === "virtual-machine") {
    await compareUnified(chosen, image.image, options);
  }
  const { files, rewritten } = await stageImage(writer, image, options);
  const differences = rewritten ? [SPLIT_NOTE] : compareWithPromise(chosen, files);
  return {
    product,
    version,
    build: {
      ...named.build,
      builtAt,
      files,
      productFields,
      versionFields: { ...named.build.versionFields, ...without(content, "items") },
    },
    notes: [
      ...named.notes,
      ...differences,
      ...chosen.notes,
      ...unusable.map((alias) => `The alias ${quoted(alias)} is left out: no client could use it.`),
    ],
  };
}

function defined<Key extends string>(key: Key, value: string | undefined): { [K in Key]?: string } {
  return (value === undefined || value === "" ? {} : { [key]: value }) as { [K in Key]?: string };
}

function without(fields: Product | Version, container: string): Readonly<Record<string, Json>> {
  return Object.fromEntries(
    Object.entries(fields).filter(([key, value]) => key !== container && value !== undefined),
  );
}

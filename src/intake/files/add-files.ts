import { stat } from "node:fs/promises";
import type { ReadOptions } from "../../image/file-bytes.ts";
import type { ProductsFile } from "../../simplestreams/products.ts";
import type { Generation } from "../../store/generation.ts";
import type { Store } from "../../store/store.ts";
import { publish } from "../../publish/publish.ts";
import { withOwnStream } from "../../views/image-stream.ts";
import { blobsOfBuild, type Build } from "../build.ts";
import { type ListedBuild, listBuild } from "../list-build.ts";
import { Listing } from "../listing.ts";
import { gatherFiles, gatherFolder, metadataOf } from "./gather.ts";
import { type BuildWishes, nameBuild } from "./name-build.ts";
import { stageImage } from "./stage-image.ts";

export interface AddOptions extends ReadOptions {
  /** Check, read and hash everything, and publish nothing. */
  readonly dryRun?: boolean;
}

export interface Added {
  /** The generation that lists it, or undefined when nothing changed. */
  readonly generation: Generation | undefined;
  /** With the image stream's products as they then are. */
  readonly listed: ListedBuild & { readonly products: ProductsFile };
  readonly files: Build["files"];
  readonly ignored: readonly string[];
  readonly notes: readonly string[];
}

/** What a person is told when the fingerprint is not the file's own. */
export const SPLIT_NOTE =
  "The unified VM image is listed as metadata and disk, since LXD and older Incus would take it for a container; its fingerprint is a new one.";

/**
 * Adds one image from files (metadata with its roots, or a unified tarball), or from a folder that holds them.
 * @throws HeadwaterError naming the file and the rule; the store is then as before
 */
export async function addFiles(
  store: Store,
  paths: readonly string[],
  wishes: BuildWishes,
  options: AddOptions = {},
): Promise<Added> {
  const gathered = await gather(paths, options.signal);
  // Before gigabytes are copied: most mistakes are in names.
  const named = nameBuild(paths.join(", "), metadataOf(gathered.image), wishes);
  const writer = await store.writer("add");
  try {
    const staged = await stageImage(writer, gathered.image, options);
    const build: Build = { ...named.build, files: staged.files };
    let listed: Added["listed"] | undefined;
    const place = (streams: Parameters<Parameters<typeof publish>[2]>[0]) =>
      withOwnStream(streams, (products) => {
        const listing = new Listing(products);
        listed = {
          ...listBuild(listing, build, { now: new Date(), from: "person" }),
          products: listing.file,
        };
        return listed.products;
      });
    const generation = await publish(store, writer, (streams) => {
      const after = place(streams);
      if (options.dryRun === true || listed === undefined || listed.status === "unchanged") return undefined;
      return { reason: { verb: "add", text: `${listed.product} ${listed.version}` }, streams: after };
    });
    if (listed === undefined) throw new TypeError("publish did not ask for the change");
    // Listed already, and yet the bytes on the disk may be damaged: these ones were checked, and take their place.
    if (listed.status === "unchanged" && options.dryRun !== true) await writer.place(blobsOfBuild(build));
    return {
      generation,
      listed,
      files: staged.files,
      ignored: gathered.ignored,
      notes: [...named.notes, ...(staged.rewritten ? [SPLIT_NOTE] : []), ...listed.notes],
    };
  } finally {
    await writer.close();
  }
}

async function gather(paths: readonly string[], signal?: AbortSignal) {
  const [only] = paths;
  const isFolder =
    paths.length === 1 && only !== undefined && (await stat(only).catch(() => undefined))?.isDirectory();
  return isFolder && only !== undefined ? gatherFolder(only, signal) : gatherFiles(paths, signal);
}

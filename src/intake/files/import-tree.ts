import type { ProductsFile } from "../../simplestreams/products.ts";
import type { Generation } from "../../store/generation.ts";
import type { Store } from "../../store/store.ts";
import { publish } from "../../publish/publish.ts";
import { readStreams } from "../../publish/read-streams.ts";
import { type ImageStream, withOwnStream } from "../../views/image-stream.ts";
import { blobsOfBuild } from "../build.ts";
import { type ListedBuild, listBuild } from "../list-build.ts";
import { Listing } from "../listing.ts";
import type { AddOptions } from "./add-files.ts";
import { reasonOf, type Skipped, stageTree, type TreeBuild } from "./stage-tree.ts";
import { openTree } from "./tree.ts";

export interface Imported {
  /** The one generation that lists it all, or undefined when nothing changed. */
  readonly generation: Generation | undefined;
  readonly listed: readonly ListedBuild[];
  /** What was left out, and why; the rest was taken all the same. */
  readonly skipped: readonly Skipped[];
}

/**
 * Takes over a whole simplestreams tree in one generation. Every file is read once and held against the size, the hash
 * and the fingerprint that the tree promises; a build that fails is left out with its reason and hides nothing else.
 */
export async function importTree(store: Store, folder: string, options: AddOptions = {}): Promise<Imported> {
  const writer = await store.writer("add");
  try {
    // Its documents are not held on to while ours are rendered.
    const { builds, skipped } = await stageTree(await openTree(folder), writer, options);
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

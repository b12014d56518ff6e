import type { ClientProfile } from "../client-profile.ts";
import { mistakesFor } from "../decode-as-client.ts";
import { isTooShort } from "../fingerprint.ts";
import { type ImagesOfOptions, imagesOf } from "../images-of.ts";
import type { ListedImage } from "../listed-image.ts";
import type { ProductsFile } from "../products.ts";
import type { ReadTree } from "./read-tree.ts";

/** What the command line of a client lists of a whole tree. */
export interface Listing {
  /** Whether it lists nothing but an error: it refuses the remote, or crashes over one of its images. */
  readonly refused: boolean;
  /** Of a client that crashes: what it would list. */
  readonly images: readonly ListedImage[];
  /** The products files that `images` are in, by `ListedImage.file`. */
  readonly files: readonly ProductsFile[];
  /** Their paths. */
  readonly paths: readonly string[];
  /** Further listings that are as likely: which one appears is chance. Empty nearly always. */
  readonly others: readonly (readonly ListedImage[])[];
}

const NOTHING = { images: [], files: [], paths: [], others: [] } as const;

/**
 * What a client lists of a tree. One products file that cannot be decoded makes it refuse all. The command line of Incus keeps documents under
 * the last part of their path (simplestreams.go cachedDownload), so that of several files with one name it reads one several times;
 * LXD's keeps none.
 */
export function listingOf(tree: ReadTree, client: ClientProfile, options: ImagesOfOptions = {}): Listing {
  if (tree.dead) return { refused: true, ...NOTHING };
  const given = tree.files.flatMap(({ decoded, path }) => (decoded === undefined ? [] : [{ decoded, path }]));
  if (given.some(({ decoded }) => mistakesFor(client, decoded.mistakes).length > 0)) {
    return { refused: true, ...NOTHING };
  }
  const readings = client.family === "incus" ? throughCache(given) : [given];
  const [first = [], ...others] = readings;
  const list = (files: typeof first) =>
    imagesOf(
      files.map(({ decoded }) => decoded.products),
      client,
      options,
    );
  const images = list(first);
  return {
    refused: images.some(({ fingerprint }) => isTooShort(fingerprint)),
    images,
    files: first.map(({ decoded }) => decoded.products),
    paths: first.map(({ path }) => path),
    others: others.map(list),
  };
}

interface Given {
  readonly decoded: { readonly products: ProductsFile };
  readonly path: string;
}

/** Readings beyond these are not worth telling apart. */
const MAX_READINGS = 16;

/** Which files are read in fact: of those with one name always the same one, and any of them. The index has come first. */
function throughCache<File extends Given>(files: readonly File[]): (readonly File[])[] {
  const names = new Map<string, File[]>();
  const kept = files.filter(({ path }) => basename(path) !== "index.json");
  for (const file of kept) {
    const same = names.get(basename(file.path)) ?? [];
    if (!same.some(({ path }) => path === file.path)) same.push(file);
    names.set(basename(file.path), same);
  }
  let choices: ReadonlyMap<string, File>[] = [new Map()];
  for (const [name, same] of names) {
    choices = choices.flatMap((choice) => same.map((file) => new Map([...choice, [name, file]])));
    choices = choices.slice(0, MAX_READINGS);
  }
  return choices.map((choice) => kept.map((file) => choice.get(basename(file.path)) ?? file));
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

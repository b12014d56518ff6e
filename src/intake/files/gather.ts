import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { HeadwaterError } from "../../error.ts";
import type { ImageMetadata } from "../../image/metadata-yaml.ts";
import { type RecognisedFile, recognise } from "../../image/recognise.ts";
import { fileInFolder, realPath, unreadable } from "./folder-file.ts";

/** The files of one image, told by their bytes. */
export type GatheredImage =
  | {
      readonly kind: "split";
      readonly metadata: Found<"metadata">;
      readonly roots: readonly Found<"root" | "disk">[];
    }
  | { readonly kind: "unified"; readonly image: Found<"unified"> };

export type Found<Kind extends RecognisedFile["kind"]> = Extract<RecognisedFile, { readonly kind: Kind }>;

/** What the image says about itself. */
export function metadataOf(image: GatheredImage): ImageMetadata {
  return image.kind === "split" ? image.metadata.metadata : image.image.metadata;
}

export interface Gathered {
  readonly image: GatheredImage;
  /** Files of a folder that are no part of an image, by name. */
  readonly ignored: readonly string[];
}

/** Sorts the files given on a command line into one image. Links given as arguments are followed. */
export async function gatherFiles(paths: readonly string[], signal?: AbortSignal): Promise<Gathered> {
  const found: RecognisedFile[] = [];
  for (const path of paths) found.push(await recognise(path, { signal }));
  return { image: oneImage(found, paths.join(", ")), ignored: [] };
}

/**
 * Sorts a folder as distrobuilder leaves it into one image; what is no image file (logs, sums, deltas, image.yaml) is
 * passed over and named. Broken image files are errors, not passed over.
 */
export async function gatherFolder(folder: string, signal?: AbortSignal): Promise<Gathered> {
  const root = await realPath(folder);
  const found: RecognisedFile[] = [];
  const ignored: string[] = [];
  for (const name of await namesIn(root)) {
    const one = await recogniseNamed(root, name, signal);
    if (one === undefined) ignored.push(name);
    else found.push({ ...one, path: join(folder, name) });
  }
  return { image: oneImage(withoutTwinMetadata(found, ignored), folder), ignored };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (cause) {
    throw unreadable(folder, cause);
  }
}

/** Undefined for what is no image file. */
async function recogniseNamed(
  root: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<RecognisedFile | undefined> {
  if (name.startsWith(".") || !IMAGE_FILE.test(name)) return undefined;
  const path = await fileInFolder(root, name);
  if ((await stat(path)).isDirectory()) return undefined;
  try {
    return await recognise(path, { signal });
  } catch (error) {
    if (LXC_METADATA.test(name) && error instanceof HeadwaterError && error.code === "IMAGE_INVALID") {
      return undefined;
    }
    throw error;
  }
}

/** `distrobuilder build-lxc` leaves this beside the root: a tarball for the download template of LXC, without metadata.yaml. */
const LXC_METADATA = /^meta\.tar(?:\.\w+)?$/;

/** The names under which the known tools leave image files. Their kind is still told by their bytes. */
const IMAGE_FILE = /\.(?:tar(?:\.\w+)?|tgz|txz|squashfs|qcow2|img)$/;

/** distrobuilder can leave incus.tar.xz and lxd.tar.xz side by side; Headwater lists one of them for both clients. */
function withoutTwinMetadata(found: readonly RecognisedFile[], ignored: string[]): RecognisedFile[] {
  const metadata = found.filter((one) => one.kind === "metadata");
  const preferred = metadata.find((one) => basename(one.path).startsWith("incus.")) ?? metadata[0];
  return found.filter((one) => {
    const twin = one.kind === "metadata" && one !== preferred && /^(?:incus|lxd)\./.test(basename(one.path));
    if (twin) ignored.push(basename(one.path));
    return !twin;
  });
}

function oneImage(found: readonly RecognisedFile[], where: string): GatheredImage {
  const metadata = found.filter((one): one is Found<"metadata"> => one.kind === "metadata");
  const unified = found.filter((one): one is Found<"unified"> => one.kind === "unified");
  const roots = found.filter(
    (one): one is Found<"root" | "disk"> => one.kind === "root" || one.kind === "disk",
  );
  const [image] = unified;
  if (image !== undefined && unified.length === 1 && metadata.length === 0 && roots.length === 0) {
    return { kind: "unified", image };
  }
  const [only] = metadata;
  if (only === undefined || metadata.length > 1 || unified.length > 0 || roots.length === 0) {
    throw notOneImage(where, found);
  }
  refuseTwoOfAKind(roots);
  return { kind: "split", metadata: only, roots };
}

function notOneImage(where: string, found: readonly RecognisedFile[]): HeadwaterError {
  const what = found.map((one) => `${basename(one.path)} (${one.kind})`).join(", ");
  return new HeadwaterError(
    "IMAGE_INVALID",
    `${where} is not one image: found ${what === "" ? "no image file" : what}`,
    {
      hint: "An image is one metadata tarball with its root (squashfs or tar) and/or disk (qcow2), or one unified tarball.",
    },
  );
}

function refuseTwoOfAKind(roots: readonly Found<"root" | "disk">[]): void {
  const kinds = new Map<string, string>();
  for (const root of roots) {
    const kind = root.format;
    const other = kinds.get(kind);
    if (other !== undefined) {
      throw new HeadwaterError(
        "IMAGE_INVALID",
        `${other} and ${root.path} are both a ${kind}; an image has one of each`,
      );
    }
    kinds.set(kind, root.path);
  }
}

import { HeadwaterError } from "../../error.ts";
import type { ReadOptions } from "../../image/file-bytes.ts";
import { copyAndHash } from "../../image/hash-once.ts";
import { type RecognisedFile, recognise } from "../../image/recognise.ts";
import { quoted } from "../../simplestreams/printable.ts";
import type { Item } from "../../simplestreams/products.ts";
import { type BuildFiles, fingerprintsOfBuild } from "../build.ts";
import { type ChosenItems, promisedFingerprint } from "./choose-items.ts";
import type { Found, GatheredImage } from "./gather.ts";
import type { Tree } from "./tree.ts";

/** The chosen files, each found, inside the tree, of the promised size, and of the kind its ftype promises. */
export async function gatherItems(
  tree: Tree,
  { kind, items }: ChosenItems,
  options: ReadOptions,
): Promise<GatheredImage> {
  const found: RecognisedFile[] = [];
  for (const item of items) {
    const one = await recognise(await tree.resolve(item.path ?? ""), { signal: options.signal });
    if (item.size !== undefined && item.size !== one.size) throw mismatch(item, `has ${one.size} bytes`);
    found.push(one);
  }
  const [first, ...rest] = found;
  if (kind === "unified") {
    if (first?.kind === "unified") return { kind, image: first };
    throw wrongKind(items[0], first);
  }
  if (first?.kind !== "metadata") throw wrongKind(items[0], first);
  const roots = rest.map((one, at) => {
    if (one.kind === "root" || one.kind === "disk") return one;
    throw wrongKind(items[at + 1], one);
  });
  return { kind, metadata: first, roots };
}

function wrongKind(item: Item | undefined, found: RecognisedFile | undefined): HeadwaterError {
  const kind = found?.kind ?? "nothing";
  return new HeadwaterError(
    "IMAGE_INVALID",
    `${quoted(item?.path)} is listed as ${item?.ftype ?? ""} and is ${kind}`,
  );
}

/** A unified VM is taken apart while it is read, so its own hash is looked at before. */
export async function compareUnified(
  { items }: ChosenItems,
  image: Found<"unified">,
  { signal }: ReadOptions,
): Promise<void> {
  const nowhere = { write: async () => undefined };
  const { sha256 } = await copyAndHash(image.path, nowhere, { signal, identity: image.identity });
  for (const item of items) if (item.sha256 !== sha256) throw mismatch(item, `has the SHA-256 ${sha256}`);
}

/** Bytes that are not what the tree promises are not taken; a fingerprint that it gives wrongly is said. */
export function compareWithPromise({ items }: ChosenItems, files: BuildFiles): string[] {
  const staged = files.kind === "unified" ? [files.image] : [files.metadata, ...files.roots];
  for (const [at, { sha256 }] of staged.entries()) {
    const item = items[at];
    if (item?.sha256 !== sha256) throw mismatch(item, `has the SHA-256 ${sha256}`);
  }
  const given = new Set(items.map((item) => promisedFingerprint(items, item)));
  return fingerprintsOfBuild({ files })
    .filter((fingerprint) => !given.has(fingerprint) && !given.has(undefined))
    .map(
      (fingerprint) =>
        `The tree gives another fingerprint than the bytes have, which is ${fingerprint.slice(0, 12)}.`,
    );
}

function mismatch(item: Item | undefined, found: string): HeadwaterError {
  const promise = `${item?.size ?? "an unknown number of"} bytes with the SHA-256 ${quoted(item?.sha256, 64)}`;
  return new HeadwaterError("BLOB_MISMATCH", `${quoted(item?.path)} ${found}, the tree promises ${promise}`, {
    hint: "The file was changed after it was published; take it from its origin again.",
  });
}

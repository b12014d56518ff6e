import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { Family } from "../../src/simplestreams/index.ts";
import { type Deviation, documentsOf } from "./deviation.ts";
import { predict, type Prediction } from "./predict.ts";

/** Where it is kept what the real clients said of each tree: what needs no daemons is held against that. */
export const RECORD = new URL("../fixtures/simplestreams/listed/corpus.json", import.meta.url);

/** What one client said of one tree: that it refuses it, or each image as its fingerprint and its aliases. */
export type Said =
  | { readonly refused: string }
  | readonly (readonly string[])[]
  /** Of a long list. */
  | { readonly images: number; readonly sha256: string };

/** By name of the tree. Several answers where they are up to chance: all that were seen. */
export type RecordFile = Readonly<Record<string, Readonly<Record<Family, readonly Said[]>>>>;

export function readRecord(): RecordFile {
  return JSON.parse(readFileSync(RECORD, "utf8")) as RecordFile;
}

/** What a client may say of a tree: one thing, or one of several. */
export function predictions(deviation: Deviation, family: Family, clientArch?: string): Prediction[] {
  const trees = deviation.orders ?? [deviation];
  const all = trees.flatMap((tree) => predict(documentsOf(tree), family, clientArch));
  return all.filter((one, at) => all.findIndex((other) => isDeepStrictEqual(one, other)) === at);
}

const LONG = 50;

/** A list of images in few words. Where they have no order: by fingerprint, and without aliases, which have no owner then. */
export function inShort(
  images: readonly { readonly fingerprint: string; readonly aliases: readonly string[] }[],
  { undefinedOrder }: Pick<Deviation, "undefinedOrder">,
): Said {
  const said = images.map(({ fingerprint, aliases }) => [
    fingerprint,
    ...(undefinedOrder === true ? [] : aliases),
  ]);
  if (undefinedOrder === true) said.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  if (said.length <= LONG) return said;
  return { images: said.length, sha256: createHash("sha256").update(JSON.stringify(said)).digest("hex") };
}

/** The same of a prediction. */
export function predictionInShort(prediction: Prediction, deviation: Deviation): Said {
  return "refused" in prediction ? prediction : inShort(prediction.images, deviation);
}

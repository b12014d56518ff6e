import type { Store } from "../../store/store.ts";
import { type Choice, chooseGeneration } from "./choose-generation.ts";
import { hashOf } from "./compare.ts";
import { refuseAnotherTree } from "./refusals.ts";
import { Target } from "./target.ts";
import { ownerOf, readRecord } from "./tree-record.ts";
import { wantedOf, type WantedFile } from "./wanted.ts";

export interface CheckOptions extends Choice {
  readonly signal: AbortSignal | undefined;
  readonly onProgress?: (progress: { readonly bytes: number; readonly of: number }) => void;
}

/** A tree beside what the store has; paths are sorted. */
export interface TreeDifference {
  readonly folder: string;
  readonly generation: number;
  /** Of the last export; null when there was none. */
  readonly exported: number | null;
  readonly files: number;
  readonly bytes: number;
  /** Wanted and not there. */
  readonly missing: readonly string[];
  /** There with other bytes, or no file. */
  readonly differing: readonly string[];
  /** There, and neither wanted nor waiting for the end of its grace. */
  readonly extra: readonly string[];
  /** Files that nothing lists any more, and that a later export removes. */
  readonly leaving: number;
}

/** Reads every file of a tree and compares it with the store. Changes nothing. */
export async function checkTree(
  store: Store,
  folder: string,
  { signal, onProgress, ...choice }: CheckOptions,
): Promise<TreeDifference> {
  const target = await Target.at(folder);
  const generation = await chooseGeneration(store, choice);
  const record = await readRecord(target);
  refuseAnotherTree(target, record, await ownerOf(store, choice.stream));
  const { files } = await wantedOf(store, generation, { stream: choice.stream, target, record });
  const of = [...files.values()].reduce((sum, { size }) => sum + size, 0);
  let bytes = 0;
  const missing: string[] = [];
  const differing: string[] = [];
  for (const [path, file] of files) {
    signal?.throwIfAborted();
    const state = await stateOf(target, path, file, (piece) => {
      signal?.throwIfAborted();
      bytes += piece;
      onProgress?.({ bytes, of });
    });
    if (state === "missing") missing.push(path);
    if (state === "differing") differing.push(path);
  }
  const extra: string[] = [];
  let leaving = 0;
  for await (const path of target.everyFile()) {
    if (files.has(path)) continue;
    if (record?.files.has(path) === true) leaving += 1;
    else extra.push(path);
  }
  return {
    folder: target.root,
    generation: generation.number,
    exported: record?.generation ?? null,
    files: files.size,
    bytes: of,
    missing: missing.sort(),
    differing: differing.sort(),
    extra: extra.sort(),
    leaving,
  };
}

async function stateOf(
  target: Target,
  path: string,
  { size, sha256 }: WantedFile,
  onPiece: (bytes: number) => void,
): Promise<"same" | "missing" | "differing"> {
  const lying = await target.look(path);
  if (lying === undefined) return "missing";
  if (lying.kind !== "file" || lying.size !== size) return "differing";
  return (await hashOf(target, path, onPiece)) === sha256 ? "same" : "differing";
}

import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { HeadwaterError } from "../error.ts";
import { addFiles } from "../intake/files/add-files.ts";
import { importTree } from "../intake/files/import-tree.ts";
import type { BuildWishes } from "../intake/files/name-build.ts";
import { isTree } from "../intake/files/tree.ts";
import type { Context, GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { STATUS_OF_CODE } from "./exit-status.ts";
import { storeToFill, storeToTry } from "./open-store.ts";
import { printAdded, printImported } from "./print-added.ts";
import { progressLine } from "./progress.ts";

export interface AddRequest {
  /** Absolute. */
  readonly paths: readonly string[];
  readonly wishes: BuildWishes;
  readonly dryRun: boolean;
}

/** Adds files or a tree, with a progress bar, and says what came of it. */
export async function addToStore(
  context: Context,
  options: GlobalOptions,
  request: AddRequest,
): Promise<void> {
  const { io } = context;
  const { paths, wishes, dryRun } = request;
  const tree = await treeAmong(paths, wishes);
  const { store, name, remove } = dryRun ? await storeToTry(io, options) : await storeToStay(io, options);
  const line = progressLine(io, options);
  const reading = {
    dryRun,
    signal: io.signal,
    onProgress: (progress: { path: string; done: number; total: number }) =>
      line.update({ label: basename(progress.path), done: progress.done, total: progress.total }),
  };
  try {
    if (tree === undefined) {
      const added = await addFiles(store, paths, wishes, reading);
      line.end();
      printAdded(io, options, { store: name, added, dryRun });
      return;
    }
    const imported = await importTree(store, tree, reading);
    line.end();
    printImported(io, options, { store: name, imported, dryRun });
    if (imported.skipped.length > 0) context.exitWith(STATUS_OF_CODE.IMAGE_INVALID);
  } finally {
    line.end();
    await remove();
  }
}

async function storeToStay(io: Io, options: GlobalOptions): ReturnType<typeof storeToTry> {
  const store = await storeToFill(io, options);
  return { store, name: store.name, remove: async () => undefined };
}

/** The folder, when it holds a simplestreams tree. Names come from a tree itself, so options that give them make no sense. */
async function treeAmong(paths: readonly string[], wishes: BuildWishes): Promise<string | undefined> {
  const [only] = paths;
  if (only === undefined || paths.length > 1 || !(await isFolder(only)) || !(await isTree(only)))
    return undefined;
  const given = Object.entries(wishes).filter(([, value]) => !Array.isArray(value) || value.length > 0);
  if (given.length === 0) return only;
  throw new HeadwaterError(
    "USAGE",
    `${only} is a whole simplestreams tree, which has its own names for everything`,
    {
      hint: "Leave out the options that name things, or name the files of one image.",
      details: { folder: only, options: given.map(([name]) => name) },
    },
  );
}

async function isFolder(path: string): Promise<boolean> {
  // What is not there is said by whoever reads it, with the right words.
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

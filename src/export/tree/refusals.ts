import { isAbsolute, relative } from "node:path";
import { HeadwaterError } from "../../error.ts";
import { Target } from "./target.ts";
import { readRecord, type TreeRecord } from "./tree-record.ts";

/** A tree in the store would be in the store's way; a store in the tree would be published, with its private key. */
export async function refuseNested({ root }: Target, storeFolder: string): Promise<void> {
  const store = (await Target.at(storeFolder)).root;
  if (!isInside(root, store) && !isInside(store, root)) return;
  throw new HeadwaterError(
    "TARGET_UNUSABLE",
    `${root} cannot hold a tree: it and the store ${store} overlap.`,
    {
      hint: "Name a folder elsewhere, such as /srv/www.",
      details: { path: root },
    },
  );
}

/** A folder with files in it that no export has written to before. */
export async function refuseOthersFiles(target: Target): Promise<void> {
  if ((await readRecord(target)) !== undefined) return;
  const names = await target.foreignNames();
  if (names.length === 0) return;
  const some = names.slice(0, 3).join(", ");
  const more = names.length > 3 ? ", ..." : "";
  throw new HeadwaterError("TARGET_UNUSABLE", `${target.root} holds other files (${some}${more}).`, {
    hint: "Name an empty or a new folder; --force writes between them, and replaces what is in the way.",
    details: { path: target.root, found: names.slice(0, 10) },
  });
}

/** A tree of another store, or of another image stream: a forgotten option would replace all of it. */
export function refuseAnotherTree(
  { root }: Target,
  record: TreeRecord | undefined,
  { store, stream }: Pick<TreeRecord, "store" | "stream">,
): void {
  if (record === undefined || (record.store === store && record.stream === stream)) return;
  const [difference, hint] =
    record.store === store
      ? [
          `the tree of ${nameOf(record.stream)}, not of ${nameOf(stream)}`,
          `${optionFor(record.stream)}, or name`,
        ]
      : ["the tree of another store", "Name"];
  throw new HeadwaterError("TARGET_UNUSABLE", `${root} is ${difference}.`, {
    hint: `${hint} another folder; --force makes this one the tree that you ask for.`,
    details: { path: root },
  });
}

function optionFor(stream: string | null): string {
  return stream === null ? "Leave --stream out" : `Give --stream ${stream}`;
}

function nameOf(stream: string | null): string {
  return stream === null ? "the whole store" : `the image stream ${JSON.stringify(stream)}`;
}

function isInside(path: string, folder: string): boolean {
  const steps = relative(folder, path);
  return steps === "" || !(steps.split("/")[0] === ".." || isAbsolute(steps));
}

import { posix } from "node:path";
import * as z from "zod";
import { HeadwaterError } from "../../error.ts";
import { isRelativePath } from "../../simplestreams/relative-path.ts";
import type { Store } from "../../store/store.ts";
import { clear } from "./target-errors.ts";
import { OWN_FOLDER, type Target } from "./target.ts";

/** A file that an export wrote, or is about to write. */
export interface RecordedFile {
  readonly sha256: string;
  readonly size: number;
  readonly isIndex: boolean;
  /** When its bytes were last changed, by the file system; null until it is known that they are in place. */
  readonly modifiedMs: number | null;
  /** Since when nothing in the tree lists it: RFC 3339. Null while something does. */
  readonly leftAt: string | null;
}

/** What exports know of a tree, in the tree itself: which files are theirs, and since when they are not listed any more. */
export interface TreeRecord {
  /** Which store: the random id of its first generation. */
  readonly store: string;
  /** The image stream whose root this is; null for the merged root. */
  readonly stream: string | null;
  readonly generation: number;
  /** The key that signed lists which were made for the tree. */
  readonly signedBy: string | null;
  readonly files: ReadonlyMap<string, RecordedFile>;
}

/** Whose tree one is that is exported from here. */
export async function ownerOf(
  store: Store,
  stream: string | undefined,
): Promise<Pick<TreeRecord, "store" | "stream">> {
  const first = await store.generation(1);
  return { store: first?.id ?? "", stream: stream ?? null };
}

const PLACE = posix.join(OWN_FOLDER, "tree.json");
const FORMAT = 1;

const schema = z.object({
  format: z.literal(FORMAT),
  store: z.string(),
  stream: z.string().nullable(),
  generation: z.number(),
  signedBy: z.string().nullable().default(null),
  // Lists: a path may be called as an object's own members are.
  files: z.array(
    z.tuple([
      z.string().refine((path) => isRelativePath(path) && !path.startsWith(OWN_FOLDER)),
      z.string(),
      z.number(),
      z.boolean(),
      z.number().nullable(),
      z.iso.datetime().nullable(),
    ]),
  ),
});

/** Undefined when no export has written here. Throws TARGET_UNUSABLE for notes that cannot be read. */
export async function readRecord(target: Target): Promise<TreeRecord | undefined> {
  if ((await target.look(PLACE)) === undefined) return undefined;
  const text = (await target.read(PLACE)).toString();
  const { store, stream, generation, signedBy, files } = parse(text, target.place(PLACE));
  return {
    store,
    stream,
    generation,
    signedBy,
    files: new Map(
      files.map(([path, sha256, size, isIndex, modifiedMs, leftAt]) => [
        path,
        { sha256, size, isIndex, modifiedMs, leftAt },
      ]),
    ),
  };
}

/** Durable when this resolves, and whole at every moment. */
export async function writeRecord(target: Target, record: TreeRecord): Promise<void> {
  const { store, stream, generation, signedBy } = record;
  const files = [...record.files].map(([path, { sha256, size, isIndex, modifiedMs, leftAt }]) => [
    path,
    sha256,
    size,
    isIndex,
    modifiedMs,
    leftAt,
  ]);
  const temporary = target.temporary();
  const handle = await target.create(temporary);
  try {
    const text = JSON.stringify({ format: FORMAT, store, stream, generation, signedBy, files });
    await clear("write", target.place(PLACE), handle.writeFile(text));
    await clear("sync", target.place(PLACE), handle.sync());
  } finally {
    await handle.close();
  }
  await target.name(temporary, PLACE);
  await target.sync();
}

function parse(text: string, place: string): z.infer<typeof schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new HeadwaterError("TARGET_UNUSABLE", `${place} is not what an export of this version notes.`, {
      hint: "A newer Headwater may have written it. If it is damaged, remove it and export with --force: files that are right stay.",
      details: { path: place },
      cause,
    });
  }
}

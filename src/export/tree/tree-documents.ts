import { HeadwaterError } from "../../error.ts";
import { signerOf } from "../../publish/signatures.ts";
import { parseRelativePath } from "../../simplestreams/relative-path.ts";
import { readDocument, readDocumentBlob } from "../../store/documents.ts";
import type { Generation } from "../../store/generation.ts";
import type { ServedItem } from "../../store/items.ts";
import type { Store } from "../../store/store.ts";
import { documentsOfHeld } from "./documents-of-held.ts";
import { listSignatures, type TreeSoFar } from "./list-signatures.ts";
import { OWN_FOLDER } from "./target.ts";

export interface TreeDocument {
  readonly bytes: Uint8Array;
  /** Where the store has it like that. */
  readonly zipped?: Uint8Array;
}

export interface TreeDocuments {
  /** By place in the tree. */
  readonly documents: ReadonlyMap<string, TreeDocument>;
  /** Paths of those that would name what is left out, and cannot be made anew. */
  readonly omitted: readonly string[];
  /** Who signed lists that were made for the tree. */
  readonly signedBy: string | null;
}

export interface DocumentsOptions {
  readonly tree: TreeSoFar;
  /** Items that the tree has not, so that its lists may not name them. */
  readonly leftOut: readonly ServedItem[];
}

/** The documents of a generation as they are, but for those that name what a tree has not: these are made anew, and signed anew. */
export async function documentsFor(
  store: Store,
  generation: Generation,
  { tree, leftOut }: DocumentsOptions,
): Promise<TreeDocuments> {
  const isForTree = (path: string): boolean => tree.placeOf(path) !== undefined;
  const rendered = await documentsOfHeld(store, generation, leftOut);
  const made = new Map([...rendered.documents].filter(([path]) => isForTree(path)));
  // Where no list is made anew, no key is needed.
  const signer = made.size === 0 ? undefined : signerOf(store, generation);
  const signatures = signer === undefined ? [] : await listSignatures(made, signer, tree);
  for (const [path, bytes] of signatures) made.set(path, bytes);
  const documents = new Map<string, TreeDocument>();
  const omitted: string[] = [];
  for (const [path, record] of Object.entries(generation.documents)) {
    const place = tree.placeOf(path);
    if (place === undefined) continue;
    if (rendered.replaces(path)) {
      if (!made.has(path)) omitted.push(path);
      continue;
    }
    const bytes = await readDocument(store, record);
    const zipped = record.encoding === "gzip" ? { zipped: await readDocumentBlob(store, record) } : {};
    documents.set(safe(place), { bytes, ...zipped });
  }
  for (const [path, bytes] of made) documents.set(safe(tree.placeOf(path) ?? path), { bytes });
  return { documents, omitted, signedBy: signer?.fingerprint ?? null };
}

/** Items among an export's notes are left out of a tree, but a root without its lists is none. */
function safe(document: string): string {
  const [first] = parseRelativePath(document).split("/");
  if (first !== OWN_FOLDER) return document;
  throw new HeadwaterError(
    "PATH_UNSAFE",
    `cannot export ${document}: that place is for what an export notes`,
    {
      hint: "Export without --stream: then it is below the image stream's name.",
      details: { path: document },
    },
  );
}

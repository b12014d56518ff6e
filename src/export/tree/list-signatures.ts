import { createHash } from "node:crypto";
import { formsOf } from "../../publish/signatures.ts";
import type { Signer } from "../../store/signer.ts";
import type { Target } from "./target.ts";
import type { TreeRecord } from "./tree-record.ts";

/** A tree as it is, which may have these signatures already. */
export interface TreeSoFar {
  readonly target: Target;
  readonly record: TreeRecord | undefined;
  /** Where a document lies in the tree; undefined when it is not for this tree. */
  readonly placeOf: (path: string) => string | undefined;
}

/**
 * Signatures of lists that are made anew for a tree, in the forms in which a publication signs them. Two signatures of the same bytes are never
 * the same: one in the tree stays as long as its list and the key do, so that a tree that is right is left alone.
 */
export async function listSignatures(
  lists: ReadonlyMap<string, Uint8Array>,
  signer: Signer,
  tree: TreeSoFar,
): Promise<Map<string, Uint8Array>> {
  const signatures = new Map<string, Uint8Array>();
  for (const [path, bytes] of lists) {
    for (const { pathOf, make } of formsOf(path)) {
      const signature = pathOf(path);
      const kept = await keptSignature(tree, { list: path, bytes, signature, signer });
      const signed = kept ?? (await make(signer, path, new TextDecoder().decode(bytes)));
      signatures.set(signature, Buffer.from(signed));
    }
  }
  return signatures;
}

async function keptSignature(
  { target, record, placeOf }: TreeSoFar,
  {
    list,
    bytes,
    signature,
    signer,
  }: {
    readonly list: string;
    readonly bytes: Uint8Array;
    readonly signature: string;
    readonly signer: Signer;
  },
): Promise<Uint8Array | undefined> {
  const place = placeOf(signature);
  if (place === undefined || record?.signedBy !== signer.fingerprint) return undefined;
  const noted = record.files.get(place);
  const isSameList = record.files.get(placeOf(list) ?? "")?.sha256 === hashOf(bytes);
  if (noted === undefined || !isSameList || (await target.look(place))?.size !== noted.size) return undefined;
  const found = await target.read(place);
  return hashOf(found) === noted.sha256 ? found : undefined;
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

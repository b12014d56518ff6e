import type { BundleFile, BundleList } from "./bundle-list.ts";
import { END, sizeInTar, type TarMember } from "./tar-header.ts";

/** The first two members; everything after them is in the list. */
export const LIST = "bundle.json";
export const SIGNATURE = "bundle.json.asc";
/** Among the documents: for people who open a bundle. */
export const README = "README.txt";
export const PUBLIC_KEY = "key.asc";

/** How a bundle begins. */
export interface Head {
  readonly list: BundleList;
  /** As they are in the bundle, and as they were signed. */
  readonly listBytes: Uint8Array;
  /** Armored; undefined: it is not signed. */
  readonly signature: Uint8Array | undefined;
}

/** Every member has the time at which what is listed was published: the same images give the same bytes. */
export function secondsOf({ generation }: BundleList): number {
  return Math.floor(Date.parse(generation.createdAt) / 1000);
}

export function headMember(path: string, bytes: Uint8Array, list: BundleList): TarMember {
  return { path, size: bytes.byteLength, seconds: secondsOf(list) };
}

/** The member that a file of the list is; undefined when nothing of it is in this bundle. */
export function memberOf(list: BundleList, file: BundleFile): TarMember | undefined {
  const { path, size, base, link } = file;
  const seconds = secondsOf(list);
  if (link !== undefined) return { path, size: 0, seconds, link };
  return base === undefined ? { path, size, seconds } : undefined;
}

/** Everything after the head, in its order. */
export function* filesInside(list: BundleList): Generator<{
  readonly file: BundleFile;
  readonly member: TarMember;
}> {
  for (const file of [...list.documents, ...list.files]) {
    const member = memberOf(list, file);
    if (member !== undefined) yield { file, member };
  }
}

/** Bytes of the whole bundle, all parts together. */
export function sizeOfBundle({ list, listBytes, signature }: Head): number {
  let size = END.byteLength + sizeInTar(headMember(LIST, listBytes, list));
  if (signature !== undefined) size += sizeInTar(headMember(SIGNATURE, signature, list));
  for (const { member } of filesInside(list)) size += sizeInTar(member);
  return size;
}

import type { Sha256 } from "./sha256.ts";

/** Ways to give a blob a second place on this machine without reading its bytes; of a store that keeps blobs as files. */
export interface BlobFiles {
  /** Where the store is. */
  readonly folder: string;
  /** Makes the new file `to`, which shares the blob's blocks on the disk until one of the two is written to. */
  reflink(sha256: Sha256, to: string): Promise<SharingOutcome>;
  /** Makes `to` a second name of the blob: whoever writes to it writes to the store. */
  hardLink(sha256: Sha256, to: string): Promise<SharingOutcome>;
}

/** `missing`: there is no such blob. `impossible`: not between these two places; `errno` says why. */
export type SharingOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "missing" }
  | { readonly kind: "impossible"; readonly errno: string };

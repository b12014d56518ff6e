import type { Sha256 } from "./sha256.ts";

/** What can be done with blobs on this machine without reading their bytes here; of a store that keeps them as files. */
export interface BlobFiles {
  /** Where the store is. */
  readonly folder: string;
  /** Makes the new file `to`, which shares the blob's blocks on the disk until one of the two is written to. */
  reflink(sha256: Sha256, to: string): Promise<SharingOutcome>;
  /** Makes `to` a second name of the blob: whoever writes to it writes to the store. */
  hardLink(sha256: Sha256, to: string): Promise<SharingOutcome>;
  /** For a program that reads the blob by itself, wherever the store moves it meanwhile. Undefined: there is no such blob. */
  open(sha256: Sha256): Promise<OpenBlobFile | undefined>;
}

/** A blob's file, open for reading only. */
export interface OpenBlobFile {
  readonly fd: number;
  close(): Promise<void>;
}

/** `missing`: there is no such blob. `impossible`: not between these two places; `errno` says why. */
export type SharingOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "missing" }
  | { readonly kind: "impossible"; readonly errno: string };

import type { Sha256 } from "./sha256.ts";

/** What can be done with blobs on this machine without reading their bytes here; of a store that keeps them as files. */
export interface BlobFiles {
  /** Where the store is. */
  readonly folder: string;
  /** Makes the new file `to`, which shares the blob's blocks on the disk until one of the two is written to. */
  reflink(sha256: Sha256, to: string): Promise<SharingOutcome>;
  /** Makes `to` a second name of the blob: whoever writes to it writes to the store. */
  hardLink(sha256: Sha256, to: string): Promise<SharingOutcome>;
  /** Opens the blob for handing it to another program, which can read it to the end whatever becomes of its name. Undefined when it is nowhere. */
  openFile(sha256: Sha256): Promise<OpenFile | undefined>;
}

/** `close` it when everybody who was handed it has ended. */
export interface OpenFile {
  /** The descriptor. */
  readonly fd: number;
  close(): Promise<void>;
}

/** `missing`: there is no such blob. `impossible`: not between these two places; `errno` says why. */
export type SharingOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "missing" }
  | { readonly kind: "impossible"; readonly errno: string };

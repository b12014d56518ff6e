import type { InstanceType } from "./ftypes.ts";

/** One image as a client lists it. */
export interface ListedImage {
  readonly fingerprint: string;
  readonly type: InstanceType;
  /** Kernel name: `x86_64`. */
  readonly architecture: string;
  /** Exactly the properties the client shows, and no empty ones. On launch each becomes `image.<key>`. */
  readonly properties: Readonly<Record<string, string>>;
  /** The aliases that `image list` shows on a client of the given architecture. */
  readonly aliases: readonly string[];
  /** Every name that leads to this image on a machine of its own architecture; `aliases` shows only some of them. */
  readonly claims: readonly string[];
  readonly description: string;
  /** RFC 3339, UTC, as in `image list -f json`. `uploadedAt` is the same date. */
  readonly createdAt: string;
  readonly uploadedAt: string;
  /** `1970-01-01T00:00:00Z` when there is none. */
  readonly expiresAt: string;
  /** Bytes of metadata and root together, as listed. */
  readonly size: number;
  /** Last part of the metadata item's path. */
  readonly filename: string;
  /** What is fetched, in this order. */
  readonly files: readonly ListedFile[];
  /** Deltas that a daemon may use instead of the root, when it has the base. */
  readonly deltas: readonly ListedDelta[];
  /** Fields of newer LXD clients only (6.8). */
  readonly releaseTitle?: string;
  readonly releaseCodename?: string;
  /** Where it is in the products file. */
  readonly product: string;
  readonly version: string;
  /** Which of the given products files, from 0. */
  readonly file: number;
}

/** One file that a client fetches. */
export interface ListedFile {
  readonly role: "metadata" | "root" | "unified";
  /** Key of the item. */
  readonly item: string;
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

/** One delta, and what it applies to. */
export interface ListedDelta extends Omit<ListedFile, "role"> {
  readonly baseVersion: string;
  /** The image the client has to hold, as the client works it out. */
  readonly baseFingerprint: string;
}

import type { Sha256 } from "./sha256.ts";

/** The layout of a generation file. Readers read older ones; nobody writes over a newer one. */
export const FORMAT = 1;

/**
 * One complete, numbered, immutable state of everything that is listed. A generation file is about a kilobyte, is never
 * changed and never deleted.
 */
export interface Generation {
  readonly format: number;
  /** Version of the rendering rules its documents follow; a program with older rules does not publish over it. */
  readonly rules: number;
  /** Random; lets a writer whose answer got lost recognise its own success. */
  readonly id: string;
  /** From 1, without gaps. */
  readonly number: number;
  readonly parent: number;
  /** RFC 3339 with milliseconds, UTC; later than the parent's. */
  readonly createdAt: string;
  readonly reason: Reason;
  /** Older generations that are still complete, as closed ranges in ascending order. */
  readonly keeps: readonly GenerationRange[];
  /** In order of precedence: an earlier image stream wins. */
  readonly streams: readonly StreamRecord[];
  /** URL path (no leading slash) to the bytes clients get there. */
  readonly documents: Readonly<Record<string, DocumentRecord>>;
}

export type GenerationRange = readonly [from: number, to: number];

export interface Reason {
  /** The command: `add`, `remove`, `alias`, `prune`, `rollback`, ... */
  readonly verb: string;
  /** One line for `headwater history`. */
  readonly text: string;
}

/** What documents cannot say about an image stream. */
export interface StreamRecord {
  readonly name: string;
  /** `own`: home-made images. Upstreams come with their own kinds. */
  readonly origin: "own";
  /** Its products files, as paths in `documents`. Item URLs are `<name>/` + the item's `path`. */
  readonly products: readonly string[];
  /** Images that are in the image stream and not in the merged root, with the reason. */
  readonly hidden: readonly {
    readonly fingerprint: string;
    readonly product: string;
    readonly reason: string;
  }[];
}

export interface DocumentRecord {
  readonly sha256: Sha256;
  /** Bytes of the blob. */
  readonly size: number;
  /** `gzip`: the blob is compressed and is decompressed for a client that does not accept that. */
  readonly encoding: "gzip" | "identity";
  readonly type: string;
}

import type { JsonBlob } from "./json-blob.ts";
import type { Sha256 } from "./sha256.ts";

/** The layout of a generation file. Readers read older ones; nobody writes over a newer one. */
export const FORMAT = 1;

/**
 * One complete, numbered, immutable state of everything that is listed. A generation file has some kilobytes, is never
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
  /** What stays whatever the rules say (`pins.ts`). Left out when there are none. */
  readonly pins?: JsonBlob;
}

export type GenerationRange = readonly [from: number, to: number];

export interface Reason {
  /** The command: `add`, `remove`, `alias`, `prune`, `rollback`, ... */
  readonly verb: string;
  /** One line for `headwater history`. */
  readonly text: string;
}

/** Where the images of an image stream come from: made here, copied from an upstream by selection, or fetched from one when first asked for. */
export type Origin = "own" | "mirror" | "cache";

/** What documents cannot say about an image stream. */
export interface StreamRecord {
  readonly name: string;
  readonly origin: Origin;
  /** Its products files, as paths in `documents`. Item URLs are `<name>/` + the item's `path`. */
  readonly products: readonly string[];
  /** Images that are in the image stream and not in the merged root, with the reason. */
  readonly hidden: readonly {
    readonly fingerprint: string;
    readonly product: string;
    readonly reason: string;
  }[];
  /** Of the site's own image stream: where its versions were taken from, as gzipped JSON. Not among the documents, which everybody may read. */
  readonly origins?: JsonBlob;
  /** Not of a cache: since when its versions are listed, and since when there are newer ones (`version-dates.ts`). */
  readonly dates?: JsonBlob;
  /** Of a mirror or a cache; never of the site's own image stream. */
  readonly upstream?: UpstreamRecord;
}

/** What every writer needs to render an upstream's image stream again without asking the upstream or the configuration. */
export interface UpstreamRecord {
  /** The upstream's base URL, without credentials. */
  readonly url: string;
  /** Anybody can get its files where they come from: no password is needed there. */
  readonly isPublic: boolean;
  /** Its own root is the upstream's own bytes, signatures included: nothing was filtered, added or hidden. */
  readonly isVerbatim: boolean;
  /** Put before each alias in the merged root: `daily/` makes `daily/24.04` of `24.04`. Empty: none. */
  readonly aliasPrefix: string;
  /** Whether images are listed in the merged root for the dialect that the upstream itself does not speak. */
  readonly twins: boolean;
  /** Lists held items only and asks nobody. */
  readonly offline: boolean;
  /** When these documents came from the upstream: RFC 3339, UTC. */
  readonly fetchedAt: string;
  /** The bundle that brought all this; nobody here reads the upstream. */
  readonly bundle?: BundleMark;
  /** What is too long for this file: a `StreamState` as gzipped JSON. Left out when there is nothing in it. */
  readonly state?: JsonBlob;
}

/** Where a bundle put what it brought, so that the next one is known to follow it. */
export interface BundleMark {
  /** The store that it was made from. */
  readonly store: string;
  /** What the image stream is called there. */
  readonly stream: string;
  readonly id: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
}

/** The part of an upstream's record that grows with its images. */
export interface StreamState {
  /** Of a cache: the blobs that are here; its other items are at the upstream. Undefined (a mirror): every listed item. */
  readonly held?: readonly Sha256[];
  /** Versions that are listed here and no longer at the upstream: when they were last seen there, RFC 3339, UTC. */
  readonly dropped?: readonly {
    readonly product: string;
    readonly version: string;
    readonly seenAt: string;
  }[];
  /** Images whose bytes turned out not to be what the upstream says: not listed anywhere. */
  readonly distrusted?: readonly { readonly fingerprint: string; readonly reason: string }[];
}

export interface DocumentRecord {
  readonly sha256: Sha256;
  /** Bytes of the blob. */
  readonly size: number;
  /** `gzip`: the blob is compressed and is decompressed for a client that does not accept that. */
  readonly encoding: "gzip" | "identity";
  readonly type: string;
  /** Of a signature that was made here, and not an upstream's: the fingerprint of the key. */
  readonly signedBy?: string;
}

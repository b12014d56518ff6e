import type { Readable } from "node:stream";

/**
 * Someone else's simplestreams server, read-only. Implementation: `http/`; decorators `with-*.ts` add retries, other addresses and a
 * bandwidth limit. All paths are relative to the upstream's root and are checked (`parseRelativePath`) before they are used.
 *
 * Throws UPSTREAM_UNREACHABLE (no connection, no answer in time, cut: worth trying again), UPSTREAM_REFUSED (an answer with a status that
 * is no success, in `details.status`, or a redirect we do not follow), UPSTREAM_WRONG (an answer that cannot be true: too
 * long, HTML, a range that was not asked for). Messages never hold credentials.
 */
export interface Upstream {
  /** The base URL for messages, without credentials. */
  readonly url: string;
  /** A document, whole: at most 64 MiB after decompression, or UPSTREAM_WRONG. `absent` for 401, 403, 404 and 410. */
  document(path: string, options?: DocumentOptions): Promise<DocumentAnswer>;
  /** Opens an item. The caller consumes or destroys `body`. */
  item(path: string, options?: ItemOptions): Promise<ItemAnswer>;
  /** Ends idle connections. */
  close(): Promise<void>;
}

export interface DocumentOptions {
  /** What was kept of an earlier answer: the answer may be `unchanged` then. */
  readonly known?: Validators;
  readonly signal?: AbortSignal;
}

/** How an answer is recognised later. */
export interface Validators {
  readonly etag?: string;
  /** As the header says it. */
  readonly lastModified?: string;
}

export type DocumentAnswer =
  | { readonly kind: "fresh"; readonly bytes: Uint8Array; readonly validators: Validators }
  | { readonly kind: "unchanged" }
  | { readonly kind: "absent"; readonly status: number };

export interface ItemOptions {
  /** First byte wanted; 0 unless told. */
  readonly from?: number;
  /** Of the answer whose bytes are there already; sent as If-Range, so that a changed file comes whole. */
  readonly validators?: Validators;
  readonly signal?: AbortSignal;
}

export interface ItemAnswer {
  /** Where `body` begins: the byte asked for, or 0 when the upstream sends the whole file instead. */
  readonly from: number;
  /** Bytes of the whole file, when the upstream says so. */
  readonly size: number | undefined;
  readonly validators: Validators;
  readonly body: Readable;
}

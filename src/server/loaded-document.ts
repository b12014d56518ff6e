import { createGunzip, gunzip } from "node:zlib";
import { Readable } from "node:stream";
import { HeadwaterError } from "../error.ts";
import type { DocumentRecord } from "../store/generation.ts";

/** A document larger than this is decompressed anew for every client that does not take gzip, as a stream. */
const MAX_PLAIN_BYTES = 16 * 1024 * 1024;

/** A document in memory, as it is sent. */
export class LoadedDocument {
  readonly type: string;
  readonly bytes: Buffer;
  readonly isGzipped: boolean;
  /** The hash; the plain form of a gzipped document is another representation and has another tag. */
  readonly etag: string;
  readonly plainEtag: string;
  readonly key: string;
  #plain: Promise<Buffer | undefined> | undefined;

  constructor(record: DocumentRecord, bytes: Buffer) {
    this.key = LoadedDocument.keyOf(record);
    this.type = record.type;
    this.bytes = bytes;
    this.isGzipped = record.encoding === "gzip";
    this.etag = `"${record.sha256}"`;
    this.plainEtag = this.isGzipped ? `"${record.sha256}-identity"` : this.etag;
  }

  /** Two records with the same key are one document. */
  static keyOf(record: DocumentRecord): string {
    return `${record.sha256} ${record.encoding} ${record.type}`;
  }

  /**
   * The document for a client that does not take gzip: decompressed once, when first asked for, and kept; undefined when it
   * is too large to keep, see `plainStream`.
   */
  plain(): Promise<Buffer | undefined> {
    if (!this.isGzipped) return Promise.resolve(this.bytes);
    this.#plain ??= decompress(this.bytes);
    return this.#plain;
  }

  plainStream(): Readable {
    return Readable.from([this.bytes]).pipe(createGunzip());
  }
}

function decompress(bytes: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    gunzip(bytes, { maxOutputLength: MAX_PLAIN_BYTES }, (error, plain) => {
      if (error === null) resolve(plain);
      else if ("code" in error && error.code === "ERR_BUFFER_TOO_LARGE") resolve(undefined);
      else reject(new HeadwaterError("DOCUMENT_INVALID", "A document is not gzip", { cause: error }));
    });
  });
}

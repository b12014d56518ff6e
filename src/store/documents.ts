import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";

import { HeadwaterError } from "../error.ts";
import type { DocumentRecord } from "./generation.ts";
import type { BlobReader, Sha256, Store } from "./store.ts";

/** Far above what a site lists (7 MB for 10,000 versions), far below what would exhaust the process. */
const MAX_DOCUMENT_BYTES = 256 * 1024 * 1024;

const decompress = promisify(gunzip);

/** A store, or what a writer has staged for one. */
export type BlobSource = Pick<Store, "name"> & {
  open(sha256: Sha256): Promise<BlobReader | undefined>;
};

/** A document as clients that accept no encoding get it. Throws BLOB_MISSING, BLOB_MISMATCH or DOCUMENT_INVALID. */
export async function readDocument(store: BlobSource, record: DocumentRecord): Promise<Uint8Array> {
  const bytes = await readDocumentBlob(store, record);
  if (record.encoding === "identity") return bytes;
  try {
    return await decompress(bytes, { maxOutputLength: MAX_DOCUMENT_BYTES });
  } catch (error) {
    throw new HeadwaterError(
      "DOCUMENT_INVALID",
      `Document ${record.sha256} in ${store.name} cannot be decompressed.`,
      {
        hint: "`headwater verify` finds what else is damaged.",
        details: { sha256: record.sha256 },
        cause: error,
      },
    );
  }
}

/**
 * The bytes of a document as they lie in the store, compared with their hash: everything is built on documents, and they go
 * to every client of the site, for which there is no other check. Throws BLOB_MISSING or BLOB_MISMATCH.
 */
export async function readDocumentBlob(
  store: BlobSource,
  { sha256, size }: DocumentRecord,
): Promise<Uint8Array> {
  const bytes = await readBlob(store, sha256);
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found === sha256 && bytes.byteLength === size) return bytes;
  throw new HeadwaterError(
    "BLOB_MISMATCH",
    `Document ${sha256} in ${store.name} is damaged: expected ${size} bytes with that SHA-256, got ${bytes.byteLength} bytes with ${found}.`,
    { hint: "`headwater verify --repair` mends the lists.", details: { sha256, found } },
  );
}

/** A small blob whole, as it is. */
export async function readBlob(store: BlobSource, sha256: Sha256): Promise<Uint8Array> {
  const reader = await store.open(sha256);
  if (reader === undefined) {
    throw new HeadwaterError(
      "BLOB_MISSING",
      `Document ${sha256} is listed, and its bytes are not in ${store.name}.`,
      {
        hint: "`headwater verify` says what is missing.",
        details: { sha256 },
      },
    );
  }
  try {
    if (reader.size > MAX_DOCUMENT_BYTES) {
      throw new HeadwaterError(
        "DOCUMENT_TOO_LARGE",
        `Document ${sha256} has ${reader.size} bytes; at most ${MAX_DOCUMENT_BYTES} are read.`,
        { details: { sha256, size: reader.size } },
      );
    }
    const bytes = new Uint8Array(reader.size);
    let filled = 0;
    while (filled < bytes.byteLength) {
      const count = await reader.read(bytes.subarray(filled), filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  } finally {
    await reader.close();
  }
}

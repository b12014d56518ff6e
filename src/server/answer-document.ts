import { acceptsGzip } from "./accepts-gzip.ts";
import type { Exchange } from "./exchange.ts";
import { sendUnavailable } from "./exchange.ts";
import type { LoadedDocument } from "./loaded-document.ts";
import type { LoadedDocuments } from "./loaded-generation.ts";
import { isNotModified } from "./not-modified.ts";
import type { Sender } from "./sender.ts";

/**
 * Two generations may share a second, and HTTP dates have no parts of one: a date goes out only when no other generation can get it.
 */
const DATE_AFTER_MS = 2000;

/** Sends a document from memory: gzipped as it is kept, plain for a client that does not take gzip. */
export async function answerDocument(
  exchange: Exchange,
  document: LoadedDocument,
  loaded: LoadedDocuments,
  sender: Sender,
): Promise<void> {
  const { request, response, isHead } = exchange;
  const gzip = document.isGzipped && acceptsGzip(request.headers["accept-encoding"]);
  const etag = gzip ? document.etag : document.plainEtag;
  // Both clients fetch the whole document again whatever is said here; caches in between must ask.
  response.setHeader("Cache-Control", "no-cache");
  response.setHeader("ETag", etag);
  if (document.isGzipped) response.setHeader("Vary", "Accept-Encoding");
  const hasDate = Date.now() - loaded.createdMs > DATE_AFTER_MS;
  if (hasDate) response.setHeader("Last-Modified", new Date(loaded.createdMs).toUTCString());
  if (isNotModified(request.headers, etag, hasDate ? loaded.createdMs : undefined)) {
    response.statusCode = 304;
    response.end();
    return;
  }
  response.setHeader("Content-Type", document.type);
  if (gzip) response.setHeader("Content-Encoding", "gzip");
  const bytes = gzip ? document.bytes : await document.plain();
  if (bytes !== undefined) response.setHeader("Content-Length", bytes.byteLength);
  if (isHead) {
    response.end();
    return;
  }
  const slot = await sender.place(response);
  if (slot === undefined) {
    response.removeHeader("Content-Encoding");
    sendUnavailable(exchange, "Too many downloads at once; try again in a moment.");
  } else if (bytes === undefined) await sender.stream(response, slot, document.plainStream());
  else sender.bytes(response, slot, bytes);
}

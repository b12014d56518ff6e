import type { OutgoingHttpHeaders } from "node:http";
import { acceptsGzip } from "./accepts-gzip.ts";
import type { Exchange } from "./exchange.ts";
import { sendBusy } from "./exchange.ts";
import type { LoadedDocument } from "./loaded-document.ts";
import { isNotModified } from "./not-modified.ts";
import type { Sender } from "./sender.ts";

/**
 * Two generations may share a second, and HTTP dates have no parts of one: a date goes out only when no other generation can get it.
 */
const DATE_AFTER_MS = 2000;

/** Both clients fetch the whole document again whatever is said here; caches in between must ask. */
const ASK_AGAIN = "no-cache";

export interface DocumentAnswer {
  /** When its generation was made, in milliseconds. */
  readonly createdMs: number;
  /** Where it may be kept without asking again; left out: nowhere. */
  readonly cacheControl?: string | undefined;
  readonly sender: Sender;
}

/** Sends a document from memory: gzipped as it is kept, plain for a client that does not take gzip. */
export async function answerDocument(
  exchange: Exchange,
  document: LoadedDocument,
  { createdMs, cacheControl = ASK_AGAIN, sender }: DocumentAnswer,
): Promise<void> {
  const { request, response, isHead } = exchange;
  const gzip = document.isGzipped && acceptsGzip(request.headers["accept-encoding"]);
  const etag = gzip ? document.etag : document.plainEtag;
  const hasDate = Date.now() - createdMs > DATE_AFTER_MS;
  const headers: OutgoingHttpHeaders = {
    "Cache-Control": cacheControl,
    ETag: etag,
    ...(document.isGzipped ? { Vary: "Accept-Encoding" } : {}),
    ...(hasDate ? { "Last-Modified": new Date(createdMs).toUTCString() } : {}),
  };
  if (isNotModified(request.headers, etag, hasDate ? createdMs : undefined)) {
    response.writeHead(304, headers);
    response.end();
    return;
  }
  const bytes = gzip ? document.bytes : await document.plain();
  const slot = isHead ? undefined : await sender.place(response);
  if (!isHead && slot === undefined) return sendBusy(exchange);
  response.writeHead(200, {
    ...headers,
    "Content-Type": document.type,
    ...(gzip ? { "Content-Encoding": "gzip" } : {}),
    ...(bytes === undefined ? {} : { "Content-Length": bytes.byteLength }),
  });
  if (slot === undefined) response.end();
  else if (bytes === undefined) await sender.stream(response, slot, document.plainStream());
  else sender.bytes(response, slot, bytes);
}

import { byteRange } from "./byte-range.ts";
import type { Exchange } from "./exchange.ts";
import { sendBusy, sendLine, sendUnavailable } from "./exchange.ts";
import { answerFillFailure, openItem } from "./open-item.ts";
import type { ServedItem } from "../store/items.ts";
import { isNotModified } from "./not-modified.ts";
import type { RouteContext } from "./route-context.ts";

/** Bytes behind a published path never change. */
const FOR_EVER = "public, max-age=31536000, immutable";
const MISSING =
  "This file is listed and its bytes are missing here; the operator can find out with headwater verify.";

/**
 * Sends an image file, or a part of it. HEAD looks whether the bytes are there and opens nothing; for a file at the upstream it says what
 * is listed and asks nobody. Missing bytes are this server's fault and get 503: 404 would say that the file is not listed.
 */
export async function answerItem(exchange: Exchange, item: ServedItem, context: RouteContext): Promise<void> {
  const { store, sender } = context;
  const { request, response, isHead } = exchange;
  const { headers } = request;
  const etag = `"${item.sha256}"`;
  if (isNotModified(headers, etag)) {
    response.writeHead(304, { ETag: etag, "Cache-Control": FOR_EVER });
    response.end();
    return;
  }
  // RFC 9110 section 14.2: a range is for GET only.
  const asked = isHead ? undefined : headers.range;
  const range = byteRange(asked, item.size, headers["if-range"] as string | undefined, etag);
  if (range.kind === "unsatisfiable") {
    const line = `The file has ${item.size} bytes; the range asked for is not in it.`;
    sendLine(exchange, 416, line, { "Content-Range": `bytes */${item.size}` });
    return;
  }
  const part = range.kind === "part" ? range : { start: 0, end: item.size };
  const reply = (): void => {
    response.statusCode = range.kind === "part" ? 206 : 200;
    if (range.kind === "part") {
      response.setHeader("Content-Range", `bytes ${part.start}-${part.end - 1}/${item.size}`);
    }
    response.setHeader("Content-Type", "application/octet-stream");
    response.setHeader("Content-Length", part.end - part.start);
    response.setHeader("Accept-Ranges", "bytes");
    response.setHeader("Cache-Control", FOR_EVER);
    response.setHeader("ETag", etag);
    response.setHeader("X-Content-Type-Options", "nosniff");
  };
  if (isHead) {
    if (item.isHeld && (await store.sizeOf(item.sha256)) !== item.size)
      return sendUnavailable(exchange, MISSING);
    reply();
    response.end();
    return;
  }
  const opened = await openItem(context, item, response);
  if (opened.kind === "failed") return answerFillFailure(exchange, opened.error);
  if (opened.kind === "missing") return sendUnavailable(exchange, MISSING);
  const slot = await sender.place(response);
  if (slot === undefined) {
    await opened.reader.close();
    return sendBusy(exchange);
  }
  reply();
  await sender.blob(response, slot, opened.reader, part);
}

import { byteRange } from "./byte-range.ts";
import type { Exchange } from "./exchange.ts";
import { sendBusy, sendLine, sendUnavailable } from "./exchange.ts";
import type { ServedItem } from "../store/items.ts";
import { isNotModified } from "./not-modified.ts";
import type { Store } from "../store/store.ts";
import type { Sender } from "./sender.ts";

/** Bytes behind a published path never change. */
const FOR_EVER = "public, max-age=31536000, immutable";
const MISSING =
  "This file is listed and its bytes are missing here; the operator can find out with headwater verify.";

/**
 * Sends an image file, or a part of it. HEAD looks whether the bytes are there and opens nothing. Missing bytes are this
 * server's fault and get 503: 404 would say that the file is not listed.
 */
export async function answerItem(
  exchange: Exchange,
  item: ServedItem,
  store: Store,
  sender: Sender,
): Promise<void> {
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
    if ((await store.sizeOf(item.sha256)) !== item.size) return sendUnavailable(exchange, MISSING);
    reply();
    response.end();
    return;
  }
  const slot = await sender.place(response);
  if (slot === undefined) return sendBusy(exchange);
  const reader = await store.open(item.sha256);
  if (reader?.size !== item.size) {
    await reader?.close();
    return sendUnavailable(exchange, MISSING);
  }
  reply();
  await sender.blob(response, slot, reader, part);
}

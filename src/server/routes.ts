import type { IncomingMessage, ServerResponse } from "node:http";
import { answerDocument } from "./answer-document.ts";
import { answerItem } from "./answer-item.ts";
import { answerPage } from "./answer-page.ts";
import type { Exchange, Transport } from "./exchange.ts";
import { hasBody, sendJson, sendLine, sendUnavailable } from "./exchange.ts";
import { answerImageApi } from "./image-api/answer-image-api.ts";
import { apiRequest } from "./image-api/api-request.ts";
import type { ServedItem } from "../store/items.ts";
import type { LoadedGeneration } from "./loaded-generation.ts";
import { mayGoInClear, redirectTarget } from "./plain-http.ts";
import type { RouteContext } from "./route-context.ts";
import { keyOfTarget } from "./url-path.ts";

/** Answers one request; every failure ends in an answer or a cut connection, never in an exception. */
export function createHandler(
  context: RouteContext,
  transport: Transport,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    context.counters.requests += 1;
    const exchange: Exchange = { request, response, transport, isHead: request.method === "HEAD" };
    answer(context, exchange).catch((error: unknown) => fail(context, exchange, error));
  };
}

function fail({ counters, log }: RouteContext, exchange: Exchange, error: unknown): void {
  counters.failures += 1;
  log.error({ url: exchange.request.url, err: error }, "a request failed");
  const { response } = exchange;
  if (response.headersSent) response.socket?.destroy();
  else {
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    sendUnavailable(exchange, "This server has a problem with its store; its log says which.");
  }
}

async function answer(context: RouteContext, exchange: Exchange): Promise<void> {
  const { request } = exchange;
  // The image API refuses in its own shape, so that clients print what it says.
  const api = exchange.transport === "clear" ? undefined : apiRequest(request);
  if (api !== undefined) return answerImageApi(context, exchange, api);
  if (request.method !== "GET" && request.method !== "HEAD") {
    const headers = { Allow: "GET, HEAD", Connection: "close" };
    return sendLine(exchange, 405, "This server is read-only: GET and HEAD.", headers);
  }
  if (hasBody(request)) {
    return sendLine(exchange, 400, "A request must not have a body here.", { Connection: "close" });
  }
  const key = keyOfTarget(request.url ?? "");
  if (key === undefined) return sendLine(exchange, 400, "No file can have that path.");
  if (key === "healthz") return answerHealth(context, exchange);
  const { loaded } = context.current;
  if (exchange.transport === "clear") return answerInClear(context, exchange, key);
  if (key === "") return answerPage(exchange, context);
  if (key === "ca.pem") return answerCertificate(context, exchange);
  if (loaded === undefined) {
    return sendUnavailable(exchange, "Nothing has been published here yet.");
  }
  if (key.startsWith("@")) return answerOlder(context, exchange, key, loaded);
  const document = loaded.documents.get(key);
  if (document !== undefined) return answerDocument(exchange, document, loaded, context.sender);
  const item = await findItem(context, key, loaded);
  if (item !== undefined) return answerItem(exchange, item, context);
  if (isEmptyList(key, loaded)) return sendUnavailable(exchange, "No image is listed here at the moment.");
  sendLine(exchange, 404, "There is no such file here.");
}

/**
 * An index or products file of an image stream that has no images, or of all of them. Not 404: that makes Incus since 6.8
 * drop the list it has cached (client/simplestreams), while images may be back in a minute.
 */
function isEmptyList(key: string, { generation }: LoadedGeneration): boolean {
  const stream = /^(?:([a-z][a-z0-9-]*)\/)?streams\/v1\/(?:index|images)\.json$/.exec(key);
  if (stream === null) return false;
  const [, name] = stream;
  return name === undefined || generation.streams.some((one) => one.name === name);
}

/** `<stream>/...`, and not the folders that are no image streams: other paths are not worth reading old generations. */
const ITEM_PATH = /^(?!streams\/|meta\/|1\.0\/)[a-z][a-z0-9-]*\/./;

/** In the newest generation, else in one that is kept. */
async function findItem(
  { current }: RouteContext,
  key: string,
  loaded: LoadedGeneration,
): Promise<ServedItem | undefined> {
  const item = loaded.items.get(key) ?? current.kept.get(key);
  if (item !== undefined) return item;
  return ITEM_PATH.test(key) ? current.kept.find(key) : undefined;
}

/**
 * Plain HTTP on the port of TLS. Both clients ask for every image file this way first and go on to TLS after any error, so
 * a refusal must be quick; and it must not be 200 with another, longer body: clients that check the fingerprint of what they wrote (Incus since 6.23, also
 * Debian's Incus 6.0.4 and LXD 5.0.2, tried) never recover from that.
 */
async function answerInClear(context: RouteContext, exchange: Exchange, key: string): Promise<void> {
  const { current, plain, url } = context;
  const { loaded } = current;
  const item = loaded === undefined ? undefined : (loaded.items.get(key) ?? current.kept.get(key));
  if (item !== undefined && loaded !== undefined) {
    const { streams } = loaded.generation;
    const stream = streams.find(({ name }) => name === item.stream);
    if (mayGoInClear(plain, stream)) return answerItem(exchange, item, context);
    return sendLine(exchange, 403, "This file is sent over https only.");
  }
  const { url: target = "/", headers } = exchange.request;
  const names = context.certificate()?.names ?? [];
  const location = redirectTarget(target, headers.host, { url, names });
  if (location === undefined) return sendLine(exchange, 403, "This server answers over https only.");
  sendLine(exchange, 308, location, { Location: location });
}

async function answerOlder(
  context: RouteContext,
  exchange: Exchange,
  key: string,
  current: LoadedGeneration,
): Promise<void> {
  const slash = key.indexOf("/");
  const name = key.slice(1, slash === -1 ? undefined : slash);
  const rest = slash === -1 ? "" : key.slice(slash + 1);
  const older = await context.older.find(name, current);
  switch (older.kind) {
    case "never":
      return sendLine(exchange, 404, "There is no generation of that number or day.");
    case "gone":
      return sendLine(exchange, 410, `Generation ${older.number} is no longer kept here.`);
    case "busy":
      return sendUnavailable(exchange, "Other old generations are being read; try again in a moment.", 2);
    case "loaded": {
      const document = older.loaded.documents.get(rest);
      if (document !== undefined) return answerDocument(exchange, document, older.loaded, context.sender);
      const item = (await older.loaded.items()).get(rest);
      if (item !== undefined) return answerOldItem(context, exchange, item);
      return sendLine(exchange, 404, "There is no such file in that generation.");
    }
  }
}

/** Old lists are for what was here: what a cache has let go since is gone from them. */
async function answerOldItem(context: RouteContext, exchange: Exchange, item: ServedItem): Promise<void> {
  const isHere = !item.isCached || (await context.store.sizeOf(item.sha256)) === item.size;
  if (isHere) return answerItem(exchange, item, { ...context, fills: undefined });
  sendLine(exchange, 410, "This file was at an upstream, and is not kept here.");
}

function answerHealth({ current }: RouteContext, exchange: Exchange): void {
  const { loaded } = current;
  const body =
    loaded === undefined
      ? { status: "empty" }
      : { status: "ok", generation: loaded.generation.number, createdAt: loaded.generation.createdAt };
  const headers = loaded === undefined ? { "Retry-After": 10 } : {};
  sendJson(exchange, loaded === undefined ? 503 : 200, body, headers);
}

function answerCertificate({ certificate }: RouteContext, exchange: Exchange): void {
  const served = certificate();
  if (served === undefined) {
    return sendLine(exchange, 404, "This server has no certificate: a proxy in front of it does TLS.");
  }
  sendLine(exchange, 200, served.pem.trimEnd(), { "Content-Type": "application/x-pem-file" });
}

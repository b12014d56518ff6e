import type { ApiImage } from "../../views/image-api/api-image.ts";
import { renderAlias } from "../../views/image-api/render-api.ts";
import { answerDocument } from "../answer-document.ts";
import { type Exchange, hasBody } from "../exchange.ts";
import type { LoadedGeneration } from "../loaded-generation.ts";
import type { RouteContext } from "../route-context.ts";
import { sendApiError, sendSync } from "./api-answer.ts";
import type { ApiRequest } from "./api-request.ts";
import type { ApiTable, ApiView } from "./api-table.ts";
import { answerExport } from "./answer-export.ts";

/**
 * What a client is told about this server: that anybody may read its images, and nothing else. Extensions would be promises; addresses would be
 * asked by every daemon besides the one that its user named (client/incus.go, client/lxd.go).
 */
const SERVER = {
  api_extensions: [],
  api_status: "stable",
  api_version: "1.0",
  auth: "untrusted",
  public: true,
  auth_methods: [],
} as const;

/** The public image API of Incus and LXD, read-only: what `remote add NAME URL --public` talks to. */
export async function answerImageApi(
  context: RouteContext,
  exchange: Exchange,
  request: ApiRequest,
): Promise<void> {
  const { method } = exchange.request;
  if ((method !== "GET" && method !== "HEAD") || hasBody(exchange.request)) {
    return sendApiError(exchange, 403, "This image server is read-only", { Connection: "close" });
  }
  const [first, ...rest] = request.segments;
  if (first === undefined) return sendSync(exchange, SERVER);
  if (first !== "images") {
    return sendApiError(
      exchange,
      403,
      "This is an image server: it has images and their aliases, and nothing else",
    );
  }
  const served = await servedNow(context, request);
  if (served === undefined) {
    return sendApiError(exchange, 503, "Nothing has been published here yet", { "Retry-After": 10 });
  }
  const { loaded, table } = served;
  const { createdMs } = loaded;
  const { sender } = context;
  const view = table.view(request.architecture);
  const sendList = async (list: Parameters<ApiView["list"]>[0]): Promise<void> =>
    answerDocument(exchange, await view.list(list), { createdMs, sender });
  if (rest.length === 0) return sendList(request.recursion ? "images" : "imageUrls");
  const [second = "", third, ...more] = rest;
  if (second === "aliases") {
    if (third === undefined) return sendList(request.recursion ? "aliases" : "aliasUrls");
    return answerAlias(exchange, view, third);
  }
  const image = findImage(exchange, table, second);
  if (image === undefined) return;
  if (third === undefined) return sendSync(exchange, view.image(image));
  if (third === "export" && more.length === 0) return answerExport(context, exchange, { image, loaded });
  sendApiError(exchange, 404, "Not Found");
}

interface Served {
  readonly loaded: LoadedGeneration;
  readonly table: ApiTable;
}

/**
 * What is served. Clients of this protocol cache nothing, and whoever has just published something asks for it at once: what is not there
 * is looked for in a newer generation before it is refused.
 */
async function servedNow(
  context: RouteContext,
  { segments, architecture }: ApiRequest,
): Promise<Served | undefined> {
  const tableOf = async (): Promise<Served | undefined> => {
    const { loaded } = context.current;
    return loaded && { loaded, table: await context.api.of(loaded) };
  };
  const served = await tableOf();
  const [, second, third] = segments;
  if (second === undefined || (second === "aliases" && third === undefined)) return served;
  const isThere =
    second === "aliases"
      ? served?.table.view(architecture).names.has(third ?? "") === true
      : (served?.table.find(second).length ?? 0) > 0;
  if (isThere) return served;
  await context.current.refresh();
  return tableOf();
}

function answerAlias(exchange: Exchange, view: ApiView, name: string): void {
  const image = view.names.get(name);
  if (image === undefined) return sendApiError(exchange, 404, "Image alias not found");
  sendSync(exchange, renderAlias(name, image));
}

/** Answers itself when there is not exactly one image. */
function findImage(exchange: Exchange, table: ApiTable, prefix: string): ApiImage | undefined {
  const found = table.find(prefix);
  if (found.length === 1) return found[0];
  if (found.length === 0) sendApiError(exchange, 404, "Image not found");
  else sendApiError(exchange, 400, "More than one image has a fingerprint that begins like this");
  return undefined;
}

import type { ServerResponse } from "node:http";
import { HeadwaterError } from "../error.ts";
import type { ServedItem } from "../store/items.ts";
import type { BlobReader } from "../store/store.ts";
import type { Exchange } from "./exchange.ts";
import { sendLine, sendUnavailable } from "./exchange.ts";
import type { RouteContext } from "./route-context.ts";

export type OpenedItem =
  | { readonly kind: "open"; readonly reader: BlobReader }
  /** Its bytes should be here and are not. */
  | { readonly kind: "missing" }
  /** It is at the upstream, and could not be had from there. */
  | { readonly kind: "failed"; readonly error: unknown };

/** Opens an item where it is: in the store, or at its upstream, from where it then comes while it is read. */
export async function openItem(
  { store, fills, counters }: RouteContext,
  item: ServedItem,
  response: ServerResponse,
): Promise<OpenedItem> {
  const kept = await store.open(item.sha256);
  if (kept?.size === item.size) {
    if (item.isCached) {
      counters.cacheHits += 1;
      fills?.used(item);
    }
    return { kind: "open", reader: kept };
  }
  await kept?.close();
  // What was held when the list was read may have been let go since.
  if (item.isHeld && !item.isCached) return { kind: "missing" };
  if (fills === undefined) return { kind: "failed", error: nobodyAsks(item) };
  counters.cacheMisses += 1;
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  response.once("close", onClose);
  try {
    return { kind: "open", reader: await fills.open(item, gone.signal) };
  } catch (error) {
    return { kind: "failed", error };
  } finally {
    response.off("close", onClose);
  }
}

/** What to tell a client whose file could not be had from the upstream. */
export interface FillFailure {
  readonly status: number;
  readonly line: string;
  readonly retryAfterSeconds?: number;
}

/**
 * The upstream's own answer where it has one: a real 404 makes Incus drop a list that is out of date (client/simplestreams_images.go).
 * Everything else passes, and clients with a cached list may try again. Throws what is no failure of an upstream.
 */
export function fillFailure(error: unknown): FillFailure {
  if (!(error instanceof HeadwaterError)) throw error;
  const { status } = error.details;
  if (error.code === "UPSTREAM_REFUSED" && (status === 404 || status === 410)) {
    return { status, line: "The upstream of this image stream lists this file and does not have it." };
  }
  if (error.code === "UPSTREAM_UNREACHABLE") {
    const line = "The upstream of this image stream does not answer; its files that are here are served.";
    return { status: 504, line };
  }
  if (error.code === "STORE_FULL") {
    return { status: 503, line: "This server's disk is full.", retryAfterSeconds: 60 };
  }
  return { status: 502, line: "The upstream of this image stream gives something else than it lists." };
}

/** Nothing, when the client has gone meanwhile. */
export function answerFillFailure(exchange: Exchange, error: unknown): void {
  const { response } = exchange;
  if (response.destroyed || response.closed) return;
  const { status, line, retryAfterSeconds } = fillFailure(error);
  if (retryAfterSeconds === undefined) sendLine(exchange, status, line);
  else sendUnavailable(exchange, line, retryAfterSeconds);
}

function nobodyAsks({ stream }: ServedItem): HeadwaterError {
  return new HeadwaterError("UPSTREAM_UNREACHABLE", `The upstream of ${stream} is not asked by this server.`);
}

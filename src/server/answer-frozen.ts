import type { ServedItem } from "../store/items.ts";
import type { StreamRecord } from "../store/generation.ts";
import { answerDocument } from "./answer-document.ts";
import { answerItem } from "./answer-item.ts";
import { answerPage } from "./answer-page.ts";
import type { Exchange } from "./exchange.ts";
import { sendReason, sendUnavailable } from "./exchange.ts";
import type { RouteContext } from "./route-context.ts";

/** A path below a generation's name: `@42/images/x` is `images/x` of generation 42. No image stream's name begins with `@`. */
export interface FrozenPath {
  /** What follows the `@`: a number, or a day. */
  readonly name: string;
  /** Without leading slash; empty for the root itself. */
  readonly rest: string;
}

/**
 * What a settled name means stays. An hour all the same, as long as clients themselves keep a list: when the generation is given up,
 * a cache on the way should not go on for long with documents whose files are gone (`document-cached` in simplestreams/rules).
 */
const FOR_AN_HOUR = "public, max-age=3600, immutable";

export function frozenPath(key: string): FrozenPath | undefined {
  const match = /^@([^/]*)\/?(.*)$/s.exec(key);
  return match === null ? undefined : { name: match[1] ?? "", rest: match[2] ?? "" };
}

/** Answers from one generation: its documents as they were, and the files it listed that are here. */
export async function answerFrozen(
  context: RouteContext,
  exchange: Exchange,
  { name, rest }: FrozenPath,
): Promise<void> {
  const found = await context.current.named(name);
  switch (found.kind) {
    case "never":
      return sendReason(exchange, 404, "There is no generation of that number or day.");
    case "gone":
      return sendReason(exchange, 410, `Generation ${found.number} is no longer kept here.`);
    case "busy":
      return sendUnavailable(exchange, "Other old generations are being read; try again in a moment.", 2);
    case "loaded": {
      const { documents, createdMs, generation, items } = found.loaded;
      if (rest === "") return answerPage(exchange, context, generation);
      const document = documents.get(rest);
      if (document !== undefined) {
        const cacheControl = found.isSettled ? FOR_AN_HOUR : undefined;
        return answerDocument(exchange, document, { createdMs, cacheControl, sender: context.sender });
      }
      const item = (await items()).get(rest);
      if (item !== undefined) return answerFrozenItem(context, exchange, item);
      return sendReason(exchange, 404, `There is no such file in generation ${generation.number}.`);
    }
  }
}

/** A file for a client that asks in clear, with the record that says whether it may have it so. */
export async function frozenItem(
  { current }: RouteContext,
  { name, rest }: FrozenPath,
): Promise<{ readonly item: ServedItem; readonly stream: StreamRecord | undefined } | undefined> {
  const found = await current.named(name);
  if (found.kind !== "loaded" || found.loaded.documents.has(rest)) return undefined;
  const item = (await found.loaded.items()).get(rest);
  if (item === undefined) return undefined;
  const recordIn = (streams: readonly StreamRecord[] = []): StreamRecord | undefined =>
    streams.find((stream) => stream.name === item.stream);
  // What is said of an image stream today goes before what was said then.
  const stream = recordIn(current.loaded?.generation.streams) ?? recordIn(found.loaded.generation.streams);
  return { item, stream };
}

/** Frozen lists are for what was here: what a cache has let go since is gone from them, and no upstream is asked. */
export async function answerFrozenItem(
  context: RouteContext,
  exchange: Exchange,
  item: ServedItem,
): Promise<void> {
  const isHere = !item.isCached || (await context.store.sizeOf(item.sha256)) === item.size;
  if (isHere) return answerItem(exchange, item, { ...context, fills: undefined });
  sendReason(exchange, 410, "This file was at an upstream, and is not kept here.");
}

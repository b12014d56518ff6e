import type { IncomingMessage } from "node:http";
import type { PlainFacts } from "../tree.ts";
import { shownUrl } from "./address.ts";
import { type Agents, discard } from "./ask.ts";
import { follow, type Journey } from "./follow.ts";
import type { Patience } from "./patience.ts";
import { readBody } from "./read-body.ts";
import { proxyTo } from "./tunnel.ts";

/** A page that came instead of a file is read no further than this to tell which of them is longer. */
const WORTH_COUNTING = 4 * 1024 * 1024;

export interface PlainQuestion {
  /** With the scheme http. */
  readonly url: URL;
  /** Bytes of the file, where that is known. */
  readonly size: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly patience: Patience;
  readonly signal: AbortSignal | undefined;
}

/**
 * The clients' first try for a file: the same address with `http` for `https` (client/simplestreams_images.go of both; any failure sends
 * them to https). Credentials stay at home: that the clients send them is known.
 */
export async function probePlain(agents: Agents, question: PlainQuestion): Promise<PlainFacts> {
  const { patience, signal } = question;
  const journey = await follow(agents, {
    url: question.url,
    method: "GET",
    headers: question.headers,
    authorization: undefined,
    connectMs: patience.plainMs,
    headMs: patience.plainMs,
    signal,
  });
  const place = { url: shownUrl(question.url), proxy: proxyTo(question.url)?.url.origin };
  const { exchange, answer, sent, silent } = journey;
  const [first] = exchange.hops;
  if (exchange.failure !== undefined && first === undefined) {
    return { ...place, kind: silent ? "silent" : "refused", sent };
  }
  const facts = { ...place, kind: "answered", redirect: first?.location, loop: exchange.loop } as const;
  if (answer === undefined) {
    return { ...facts, status: exchange.hops.at(-1)?.status ?? 0, length: undefined, content: undefined };
  }
  return { ...facts, status: exchange.status, ...(await contentOf(answer, journey, question)) };
}

async function contentOf(
  answer: IncomingMessage,
  { exchange }: Journey,
  { size, patience, signal }: PlainQuestion,
): Promise<{ readonly length: number | undefined; readonly content: PlainContent }> {
  const isPacked = answer.headers["content-encoding"] !== undefined;
  const announced = isPacked ? undefined : numberIn(answer.headers["content-length"]);
  if (exchange.status !== 200 || size === undefined || announced !== undefined) {
    await discard(answer, "GET");
    return {
      length: announced,
      content: exchange.status === 200 ? compared(announced, size) : undefined,
    };
  }
  let length = 0;
  const { failure } = await readBody(answer, {
    take: (piece) => {
      length += piece.byteLength;
    },
    most: Math.min(size, WORTH_COUNTING),
    silenceMs: patience.plainMs,
    totalMs: patience.plainMs,
    signal,
  });
  if (failure === undefined) return { length, content: compared(length, size) };
  const isLonger = failure.kind === "too-large" && size <= WORTH_COUNTING;
  return { length: undefined, content: isLonger ? "longer" : "unknown" };
}

type PlainContent = (PlainFacts & { readonly kind: "answered" })["content"];

function compared(length: number | undefined, size: number | undefined): PlainContent {
  if (length === undefined || size === undefined) return "unknown";
  return length === size ? "file" : length > size ? "longer" : "shorter";
}

export function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { printable } from "../../simplestreams/printable.ts";
import type { Exchange, Failure } from "../tree.ts";
import { basic, credentialsIn, isWeb, shownUrl } from "./address.ts";
import { type Agents, discard } from "./ask.ts";

/** The clients follow for ever; somebody who looks does not. */
export const MAX_HOPS = 20;
/** Those that Go follows (net/http, redirectBehavior), and only with a Location. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface Trip {
  readonly url: URL;
  readonly method: "GET" | "HEAD";
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization: string | undefined;
  readonly connectMs: number;
  readonly headMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface Journey {
  readonly exchange: Exchange;
  /** The head of the last answer, with a body that nobody has read yet; undefined when there was none. */
  readonly answer: IncomingMessage | undefined;
  /** Whether the last request had gone out. */
  readonly sent: boolean;
  /** Whether nothing at all came, for the last request. */
  readonly silent: boolean;
}

interface Position {
  readonly url: URL;
  readonly authorization: string | undefined;
}

/**
 * Asks and follows redirects as Go's client does with the rule the clients give it: to any scheme and host, and with the credentials of the
 * address only as long as each redirect is relative (net/http, send: they come from the user in the URL).
 */
export async function follow(agents: Agents, trip: Trip): Promise<Journey> {
  const hops: { status: number; location: string }[] = [];
  const seen = new Set<string>();
  let slowest = 0;
  let refused: string | undefined;
  let at: Position = { url: trip.url, authorization: trip.authorization };
  for (;;) {
    const head = await agents.ask({ ...trip, url: at.url, headers: headersFor(trip, at) });
    slowest = Math.max(slowest, head.ms);
    if (head.kind === "head" && at.url.origin !== trip.url.origin) refused ??= refusalOf(head.answer, at.url);
    const facts = { trip, at, hops, headMs: slowest, refused };
    if (head.kind === "failed") {
      const { failure, sent, silent } = head;
      return { exchange: exchangeOf(facts, { failure }), answer: undefined, sent, silent };
    }
    const { answer } = head;
    const { location } = answer.headers;
    if (!REDIRECTS.has(answer.statusCode ?? 0) || location === undefined || location === "") {
      return { exchange: exchangeOf(facts, { answer }), answer, sent: true, silent: false };
    }
    await discard(answer, trip.method);
    const next = nextPosition(location, at);
    const status = answer.statusCode ?? 0;
    hops.push({ status, location: next === undefined ? shownText(location) : shownUrl(next.url) });
    if (next === undefined) {
      const why = `a redirect leads to ${shownText(location)}, which is no address of a web server`;
      return {
        exchange: exchangeOf(facts, { failure: { kind: "unreachable", why } }),
        answer: undefined,
        sent: true,
        silent: false,
      };
    }
    seen.add(keyOf(at));
    at = next;
    const loop = seen.has(keyOf(next)) ? "returns" : hops.length > MAX_HOPS && "long";
    if (loop !== false) {
      return {
        exchange: exchangeOf({ ...facts, at }, { loop }),
        answer: undefined,
        sent: true,
        silent: false,
      };
    }
  }
}

/** Of the server that was asked for the same is told by its own facts. */
function refusalOf({ socket }: IncomingMessage, url: URL): string | undefined {
  // In clear, what speaks TLS is a proxy.
  if (url.protocol !== "https:" || !(socket instanceof TLSSocket)) return undefined;
  const protocol = socket.getProtocol() ?? "something else";
  if (protocol !== "TLSv1.3")
    return `${url.host} speaks ${protocol}, and the clients nothing older than TLSv1.3`;
  return socket.authorized
    ? undefined
    : `the certificate of ${url.host} is not trusted (${String(socket.authorizationError)})`;
}

function headersFor(trip: Trip, { authorization }: Position): Readonly<Record<string, string>> {
  return authorization === undefined ? trip.headers : { ...trip.headers, Authorization: authorization };
}

function nextPosition(location: string, from: Position): Position | undefined {
  const text = asUtf8(location);
  if (!URL.canParse(text, from.url.href)) return undefined;
  const url = new URL(text, from.url);
  const own = credentialsIn(url);
  if (!isWeb(url)) return undefined;
  const isRelative = !/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(text);
  const authorization = isRelative ? from.authorization : own && basic(own);
  return { url, authorization };
}

/** Node reads headers as Latin-1, and Go takes their bytes as they are. */
function asUtf8(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  const decoded = bytes.toString("utf8");
  return decoded.includes("\ufffd") ? text : decoded;
}

function keyOf({ url, authorization }: Position): string {
  return `${authorization ?? ""} ${url.href}`;
}

/** What is not a URL may hold anything: its beginning is enough. */
function shownText(location: string): string {
  return JSON.stringify(
    printable(
      location
        .replace(/[?#].*$/s, "?…")
        .replace(/\/\/[^/]*@/, "//")
        .slice(0, 100),
    ),
  );
}

interface Facts {
  readonly trip: Trip;
  readonly at: Position;
  readonly hops: readonly { readonly status: number; readonly location: string }[];
  readonly headMs: number;
  readonly refused: string | undefined;
}

function exchangeOf(
  { trip, at, hops, headMs, refused }: Facts,
  end: { readonly answer?: IncomingMessage; readonly failure?: Failure; readonly loop?: Exchange["loop"] },
): Exchange {
  const { answer, failure, loop = false } = end;
  return {
    url: shownUrl(trip.url),
    finalUrl: shownUrl(at.url),
    status: answer?.statusCode ?? 0,
    hops: [...hops],
    loop,
    refused,
    headers: answer === undefined ? {} : keptHeaders(answer.headers),
    headMs: Math.round(headMs),
    sent: undefined,
    credentials:
      trip.authorization === undefined ? "none" : at.authorization === trip.authorization ? "sent" : "lost",
    failure,
  };
}

/** The headers that say something about how a tree is served; a server may send a megabyte of others. */
const KEPT = [
  "accept-ranges",
  "age",
  "cache-control",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "etag",
  "expires",
  "last-modified",
  "retry-after",
  "server",
  "vary",
  "via",
] as const;

function keptHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  return Object.fromEntries(
    KEPT.flatMap((name): [string, string][] => {
      const value = headers[name];
      return value === undefined ? [] : [[name, printable(String(value).slice(0, 1000))]];
    }),
  );
}

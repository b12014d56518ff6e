import type { IncomingMessage } from "node:http";
import { isPrivateAddress } from "../addresses.ts";
import type { Connections } from "./connection.ts";
import { notFollowed } from "../failures.ts";
import { proxyFor } from "../proxy.ts";

/** Redirects that one item may take. Documents never leave their host. */
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface Trip {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** `Authorization` for the upstream itself; never sent to another origin. */
  readonly authorization: string | undefined;
  /** For messages. */
  readonly place: string;
  /** Whether redirects may lead to another host. */
  readonly mayLeave: boolean;
  readonly allowRedirect: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Asks, and follows redirects as far as they are allowed: an upstream must not make this machine ask its own network. */
export async function askFollowing(
  connections: Pick<Connections, "get">,
  trip: Trip,
): Promise<IncomingMessage> {
  const home = trip.url;
  const seen = new Set<string>();
  let isInside = false;
  let url = home;
  for (;;) {
    const isHome = url.origin === home.origin;
    const { authorization } = trip;
    const mayBePrivate = isHome || isInside || trip.allowRedirect.includes(url.hostname);
    const answer = await connections.get({
      url,
      place: trip.place,
      headers:
        isHome && authorization !== undefined
          ? { ...trip.headers, Authorization: authorization }
          : trip.headers,
      mayBePrivate,
      signal: trip.signal,
    });
    if (!REDIRECTS.has(answer.statusCode ?? 0)) return answer;
    // An upstream in a local network may send us elsewhere in it. Behind a proxy the address is the proxy's.
    if (isHome && proxyFor(url) === undefined) isInside = isPrivateAddress(answer.socket.remoteAddress ?? "");
    discard(answer);
    seen.add(url.href);
    const next = target(answer.headers.location, url, trip);
    if (seen.has(next.href)) throw notFollowed(trip.place, "redirects go in a loop");
    if (seen.size > MAX_REDIRECTS) throw notFollowed(trip.place, `it is one of more than ${MAX_REDIRECTS}`);
    url = next;
  }
}

function target(location: string | undefined, from: URL, trip: Trip): URL {
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw notFollowed(trip.place, "it does not say where to");
  }
  const url = new URL(location, from.href);
  // A password in a redirect is not ours to send.
  url.username = "";
  url.password = "";
  if (url.origin === trip.url.origin) return url;
  if (!trip.mayLeave)
    throw notFollowed(trip.place, `lists must come from their own host, and it leads to ${url.host}`);
  if (url.protocol !== "https:")
    throw notFollowed(trip.place, `it leads to ${url.protocol}//${url.host}, which is not https`);
  return url;
}

/** Bytes that are read to the end, so that the connection can be used again, and the milliseconds they may take. */
const WORTH_READING = 16 * 1024;
const WORTH_WAITING_MS = 2000;

/** Done with an answer whose body is not wanted. A short one is read, so that its connection can be used again; of others nothing more is taken. */
export function discard(answer: IncomingMessage): void {
  answer.on("error", () => undefined);
  const isShort = answer.statusCode === 304 || Number(answer.headers["content-length"]) <= WORTH_READING;
  if (!isShort) {
    answer.destroy();
    return;
  }
  const late = setTimeout(() => answer.destroy(), WORTH_WAITING_MS);
  answer.once("close", () => clearTimeout(late));
  answer.resume();
}

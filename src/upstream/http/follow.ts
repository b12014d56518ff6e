import type { IncomingMessage } from "node:http";
import { hostOf, isLoopbackHost, isPrivateAddress } from "./addresses.ts";
import type { Connections } from "./connection.ts";
import { notFollowed } from "../failures.ts";

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
export async function askFollowing(connections: Connections, trip: Trip): Promise<IncomingMessage> {
  const home = trip.url;
  const seen = new Set<string>();
  let url = home;
  for (;;) {
    const isHome = url.origin === home.origin;
    const { authorization } = trip;
    const answer = await connections.get({
      url,
      place: trip.place,
      headers:
        isHome && authorization !== undefined
          ? { ...trip.headers, Authorization: authorization }
          : trip.headers,
      mayBePrivate: isHome || isAtHome(home) || trip.allowRedirect.includes(url.hostname),
      signal: trip.signal,
    });
    if (!REDIRECTS.has(answer.statusCode ?? 0)) return answer;
    answer.resume();
    answer.on("error", () => undefined);
    seen.add(url.href);
    const next = target(answer.headers.location, url, trip);
    if (seen.has(next.href)) throw notFollowed(trip.place, "they lead in a circle");
    if (seen.size > MAX_REDIRECTS) throw notFollowed(trip.place, `there are more than ${MAX_REDIRECTS}`);
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

/** An upstream in the local network may send us elsewhere in it. */
function isAtHome(home: URL): boolean {
  const host = hostOf(home);
  return isLoopbackHost(host) || isPrivateAddress(host);
}

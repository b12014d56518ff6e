import { type LookupAddress, lookup as resolve } from "node:dns";
import { Agent as HttpAgent, type ClientRequest, get as httpGet, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, get as httpsGet } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { HttpsProxyAgent } from "https-proxy-agent";
import { hostOf, isPrivateAddress } from "../addresses.ts";
import { notFollowed, tooSlow, unreachable } from "../failures.ts";
import { proxyFor } from "../proxy.ts";

/** How long an upstream may take. All in milliseconds. */
export interface Patience {
  /** For the connection, TLS included. */
  readonly connectMs: number;
  /** Until the head of the answer. */
  readonly headersMs: number;
  /** Without a byte of the body, while we are ready to take one. */
  readonly silenceMs: number;
  /** For a whole document: a byte now and then must not keep a sync busy for ever. */
  readonly documentMs: number;
}

/** Real clients wait 30 s for the first byte of a file: what we wait for must fit into that. */
export const PATIENCE: Patience = {
  connectMs: 10_000,
  headersMs: 20_000,
  silenceMs: 60_000,
  documentMs: 5 * 60_000,
};

export interface Ask {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** For messages: without credentials. */
  readonly place: string;
  /** Whether the host may be this machine or in a private network. */
  readonly mayBePrivate: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Connections that are kept between requests. Those to hosts that a stranger named are checked where they lead, and kept apart. */
export class Connections {
  readonly #trust: { readonly secureContext?: SecureContext };
  readonly #agents = new Map<string, HttpAgent>();
  readonly #patience: Patience;

  /** @param ca PEM that is trusted besides the usual authorities */
  constructor(ca: string | undefined, patience: Patience) {
    // Made once: reading all authorities takes longer than a handshake.
    this.#trust =
      ca === undefined ? {} : { secureContext: createSecureContext({ ca: [...rootCertificates, ca] }) };
    this.#patience = patience;
  }

  /** Sends a GET and resolves with the answer's head; its body ends with an error after too long a silence. */
  async get(ask: Ask): Promise<IncomingMessage> {
    if (!ask.mayBePrivate && isPrivateAddress(hostOf(ask.url))) throw leadsInside(ask);
    ask.signal?.throwIfAborted();
    const request = (ask.url.protocol === "https:" ? httpsGet : httpGet)(ask.url, {
      agent: this.#agentFor(ask),
      headers: ask.headers,
      // With the request: the agent for proxies forgets what it was made with.
      ...this.#trust,
      ...(ask.signal === undefined ? {} : { signal: ask.signal }),
    });
    const answer = await this.#answerOf(request, ask);
    this.#endSilence(answer, ask.place);
    return answer;
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #answerOf(request: ClientRequest, { place, signal, ...ask }: Ask): Promise<IncomingMessage> {
    const { connectMs, headersMs } = this.#patience;
    return new Promise((resolveAnswer, reject) => {
      // Rejects by itself: a request that waits for a proxy has no socket yet, and says nothing when it is destroyed.
      const end = (error: unknown): void => {
        settle();
        reject(error);
        request.destroy();
      };
      const onAbort = (): void => end(signal?.reason);
      const connecting = setTimeout(
        () => end(tooSlow(place, `no connection within ${connectMs / 1000} seconds`)),
        connectMs,
      );
      const waiting = setTimeout(
        () => end(tooSlow(place, `no answer within ${headersMs / 1000} seconds`)),
        headersMs,
      );
      const settle = (): void => {
        clearTimeout(connecting);
        clearTimeout(waiting);
        signal?.removeEventListener("abort", onAbort);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      request.once("socket", (socket) => {
        if (!socket.connecting) clearTimeout(connecting);
        else
          socket.once(ask.url.protocol === "https:" ? "secureConnect" : "connect", () =>
            clearTimeout(connecting),
          );
      });
      request.once("response", (answer) => {
        settle();
        resolveAnswer(answer);
      });
      request.on("error", (error) => {
        settle();
        reject(error instanceof PrivateAddress ? leadsInside({ place }) : unreachable(place, error));
      });
    });
  }

  /** Bytes that wait for their reader show that the upstream is not the slow one. */
  #endSilence(answer: IncomingMessage, place: string): void {
    const { silenceMs } = this.#patience;
    // Of the socket: an answer tells of timeouts only when they were set on its request.
    const { socket } = answer;
    let hasWaited = false;
    const onSilence = (): void => {
      const isWaiting = answer.readableLength > 0;
      if (!isWaiting && !hasWaited) {
        answer.destroy(tooSlow(place, `not a byte came for ${silenceMs / 1000} seconds`));
        return;
      }
      // Once more also when they have just been taken: the next ones had no time to come.
      hasWaited = isWaiting;
      socket.setTimeout(silenceMs);
    };
    const settle = (): void => {
      socket.off("timeout", onSilence);
    };
    socket.setTimeout(silenceMs);
    socket.on("timeout", onSilence);
    answer.once("end", settle);
    answer.once("close", settle);
  }

  #agentFor({ url, mayBePrivate }: Ask): HttpAgent {
    const proxy = proxyFor(url);
    const key = `${url.protocol} ${mayBePrivate} ${proxy ?? ""}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const options = { keepAlive: true, ...(mayBePrivate ? {} : { lookup: publicLookup }) };
    const agent =
      proxy !== undefined
        ? new HttpsProxyAgent(proxy, { keepAlive: true })
        : url.protocol === "https:"
          ? new HttpsAgent(options)
          : new HttpAgent(options);
    this.#agents.set(key, agent);
    return agent;
  }
}

class PrivateAddress extends Error {}

function leadsInside({ place }: Pick<Ask, "place">): Error {
  return notFollowed(place, "it leads to a private address");
}

/** Looks a name up and refuses private addresses, at the one moment that counts: what is returned is connected to. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error !== null) return callback(error, "", 0);
    const [first] = addresses;
    if (first === undefined || addresses.some(({ address }) => isPrivateAddress(address))) {
      return callback(new PrivateAddress(`${hostname} is private`), "", 0);
    }
    if (options.all === true) return callback(null, addresses);
    return callback(null, first.address, isIP(first.address));
  });
};

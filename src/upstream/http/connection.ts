import { type LookupAddress, lookup as resolve } from "node:dns";
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, get as httpsGet } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import { HttpsProxyAgent } from "https-proxy-agent";
import { hostOf, isPrivateAddress } from "./addresses.ts";
import { notFollowed, tooSlow, unreachable } from "../failures.ts";
import { proxyFor } from "./proxy.ts";

/** Milliseconds. Real clients wait 30 s for the first byte of a file: what we wait for must fit into that. */
const CONNECT_MS = 10_000;
const HEADERS_MS = 20_000;
/** Without a byte of the body. */
const SILENCE_MS = 60_000;

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
  readonly #options: { readonly keepAlive: true; readonly ca?: string[] };
  readonly #agents = new Map<string, HttpAgent>();

  /** @param ca PEM that is trusted besides the usual authorities */
  constructor(ca: string | undefined) {
    this.#options =
      ca === undefined ? { keepAlive: true } : { keepAlive: true, ca: [...rootCertificates, ca] };
  }

  /** Sends a GET and resolves with the answer's head; its body ends with an error after a minute of silence. */
  get(ask: Ask): Promise<IncomingMessage> {
    return new Promise((resolveAnswer, reject) => {
      const host = hostOf(ask.url);
      if (!ask.mayBePrivate && isPrivateAddress(host)) {
        reject(notFollowed(ask.place, "it leads to a private address"));
        return;
      }
      const isTls = ask.url.protocol === "https:";
      const request = (isTls ? httpsGet : httpGet)(ask.url, {
        agent: this.#agentFor(ask),
        headers: ask.headers,
        ...(ask.signal === undefined ? {} : { signal: ask.signal }),
      });
      let failure: Error | undefined;
      const end = (error: Error): void => {
        failure ??= error;
        request.destroy(error);
      };
      const connecting = setTimeout(
        () => end(tooSlow(ask.place, "no connection within 10 seconds")),
        CONNECT_MS,
      );
      const waiting = setTimeout(() => end(tooSlow(ask.place, "no answer within 20 seconds")), HEADERS_MS);
      request.once("socket", (socket) => {
        if (socket.connecting)
          socket.once(isTls ? "secureConnect" : "connect", () => clearTimeout(connecting));
        else clearTimeout(connecting);
      });
      request.once("response", (answer) => {
        clearTimeout(connecting);
        clearTimeout(waiting);
        answer.setTimeout(SILENCE_MS, () => {
          answer.destroy(tooSlow(ask.place, "not a byte came for a minute"));
        });
        resolveAnswer(answer);
      });
      request.on("error", (error) => {
        clearTimeout(connecting);
        clearTimeout(waiting);
        reject(failure ?? this.#told(ask, error));
      });
    });
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #told(ask: Ask, error: Error): Error {
    if (ask.signal?.aborted === true) return ask.signal.reason instanceof Error ? ask.signal.reason : error;
    if (error instanceof PrivateAddress) return notFollowed(ask.place, "it leads to a private address");
    return unreachable(ask.place, error);
  }

  #agentFor({ url, mayBePrivate }: Ask): HttpAgent {
    const proxy = proxyFor(url);
    const key = `${url.protocol} ${mayBePrivate} ${proxy ?? ""}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const options = mayBePrivate ? this.#options : { ...this.#options, lookup: publicLookup };
    const agent =
      proxy !== undefined
        ? new HttpsProxyAgent(proxy, this.#options)
        : url.protocol === "https:"
          ? new HttpsAgent(options)
          : new HttpAgent(options);
    this.#agents.set(key, agent);
    return agent;
  }
}

class PrivateAddress extends Error {}

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

import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as askHttp } from "node:http";
import { Agent as HttpsAgent, request as askHttps, type RequestOptions } from "node:https";
import { createSecureContext, type SecureContext } from "node:tls";
import { urlToHttpOptions } from "node:url";
import type { Failure } from "../tree.ts";
import { authoritiesWith } from "./authorities.ts";
import { codeOf, failureOf, seconds } from "./failures.ts";
import {
  failureAt,
  noConnection,
  type Proxy,
  proxyAddress,
  proxyHeaders,
  proxyTo,
  refusalBy,
  TunnelAgent,
} from "./tunnel.ts";

/** Go takes 10 MiB (net/http, MaxResponseHeaderBytes); nobody means a head of more than this. */
const MAX_HEAD_BYTES = 1024 * 1024;

export interface Question {
  readonly url: URL;
  readonly method: "GET" | "HEAD";
  readonly headers: Readonly<Record<string, string>>;
  readonly connectMs: number;
  readonly headMs: number;
  readonly signal: AbortSignal | undefined;
}

export type Head =
  | { readonly kind: "head"; readonly answer: IncomingMessage; readonly ms: number }
  | {
      readonly kind: "failed";
      readonly failure: Failure;
      /** Whether the request had gone out. */
      readonly sent: boolean;
      /** Whether nothing at all came: no connection, no refusal, no answer. */
      readonly silent: boolean;
      readonly ms: number;
    };

/** Connections that are kept for a while. None is refused for its certificate: who looks wants to see all the rest too. */
export class Agents {
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https = new HttpsAgent({ keepAlive: true });
  readonly #ca: string | undefined;
  #trust: SecureContext | undefined;
  readonly #tunnels = new Map<string, TunnelAgent>();

  /** @param ca PEM that is trusted besides the system's authorities */
  constructor(ca: string | undefined) {
    this.#ca = ca;
  }

  /**
   * Sends one request, through the proxy that the clients would take, and resolves with the head of the answer. Rejects for `signal`, and
   * for a proxy that can be none.
   */
  async ask(question: Question): Promise<Head> {
    const proxy = proxyTo(question.url);
    const isTls = question.url.protocol === "https:";
    // Made once: reading all authorities takes longer than a handshake.
    if (isTls || proxy?.url.protocol === "https:") await this.trust();
    const route = isTls ? this.#routeOverTls(question, proxy) : this.#routeInClear(question, proxy);
    const first = await attempt(question, route);
    if (!first.stale) return first;
    // The clients keep no connection, so that one which ended between two requests is no fault of the server.
    const agent = isTls && proxy !== undefined && new TunnelAgent(proxy, this.#trust, false);
    return attempt(question, { ...route, options: { ...route.options, agent } });
  }

  async trust(): Promise<SecureContext> {
    this.#trust ??= createSecureContext({ ca: await authoritiesWith(this.#ca) });
    return this.#trust;
  }

  close(): void {
    for (const agent of [this.#http, this.#https, ...this.#tunnels.values()]) agent.destroy();
  }

  #routeOverTls({ url, headers }: Question, proxy: Proxy | undefined): Route {
    const agent = proxy === undefined ? this.#https : this.#tunnelsOf(proxy);
    const options = {
      ...urlToHttpOptions(url),
      headers,
      agent,
      secureContext: this.#trust,
      rejectUnauthorized: false,
    };
    return { options, proxy, isTls: true };
  }

  #routeInClear({ url, headers }: Question, proxy: Proxy | undefined): Route {
    const isTls = proxy?.url.protocol === "https:";
    const agent = isTls ? this.#https : this.#http;
    if (proxy === undefined) return { options: { ...urlToHttpOptions(url), headers, agent }, proxy, isTls };
    const options = {
      ...proxyAddress(proxy, this.#trust),
      // A proxy is told the whole address (RFC 9112 section 3.2.2).
      path: `${url.origin}${url.pathname}${url.search}`,
      headers: { ...headers, Host: url.host, ...proxyHeaders(proxy) },
      agent,
    };
    return { options, proxy, isTls };
  }

  #tunnelsOf(proxy: Proxy): TunnelAgent {
    const key = `${proxy.url.href} ${proxy.authorization ?? ""}`;
    const agent = this.#tunnels.get(key) ?? new TunnelAgent(proxy, this.#trust, true);
    this.#tunnels.set(key, agent);
    return agent;
  }
}

interface Route {
  readonly options: RequestOptions;
  readonly proxy: Proxy | undefined;
  /** Whether the connection that carries the request speaks TLS. */
  readonly isTls: boolean;
}

function attempt(question: Question, route: Route): Promise<Head & { readonly stale: boolean }> {
  const { url, method, signal } = question;
  const { options, proxy, isTls } = route;
  signal?.throwIfAborted();
  const started = performance.now();
  const ended = new AbortController();
  const whole = { ...options, method, maxHeaderSize: MAX_HEAD_BYTES, ended: ended.signal };
  const request = (isTls ? askHttps : askHttp)(whole);
  const connection = watchConnection(request, isTls);
  return new Promise((resolve, reject) => {
    let isSettled = false;
    const settle = (): number => {
      isSettled = true;
      clearTimeout(connecting);
      clearTimeout(waiting);
      signal?.removeEventListener("abort", onAbort);
      return performance.now() - started;
    };
    const fail = (failure: Failure, silent = false): void => {
      if (isSettled) return;
      const { sent } = connection;
      const stale = request.reusedSocket && failure.kind === "cut";
      resolve({ kind: "failed", failure, sent, silent, ms: settle(), stale });
      request.destroy();
      ended.abort();
    };
    const onAbort = (): void => {
      settle();
      reject(signal?.reason);
      request.destroy();
      ended.abort();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const connecting = setTimeout(() => {
      if (!connection.sent) fail(noConnection(question.connectMs, proxy), true);
    }, question.connectMs);
    const waiting = setTimeout(() => {
      if (!connection.sent) fail(noConnection(question.headMs, proxy), true);
      else fail({ kind: "slow", why: `no answer came within ${seconds(question.headMs)}` }, true);
    }, question.headMs);
    request.once("response", (answer) => {
      // An answer that is dropped later may still fail.
      answer.on("error", () => undefined);
      // Only a proxy says so, and only a request in clear is for it to answer.
      if (answer.statusCode === 407 && proxy !== undefined && url.protocol === "http:") {
        fail(refusalBy(proxy, 407));
        return;
      }
      resolve({ kind: "head", answer, ms: settle(), stale: false });
    });
    request.on("error", (error) => {
      const isProxys = proxy !== undefined && url.protocol === "http:" && !connection.sent;
      fail(isProxys ? failureAt(proxy, error) : failureOf(error), codeOf(error) === "ETIMEDOUT");
    });
    // An answer that changes the protocol ends a request without a word.
    request.once("close", () => fail({ kind: "cut", why: "the connection ended without an answer" }));
    request.end();
  });
}

/** `sent`: whether there was a connection that carries a request. */
function watchConnection(request: ClientRequest, isTls: boolean): { readonly sent: boolean } {
  const state = { sent: false };
  request.once("socket", (socket) => {
    if (!socket.connecting) state.sent = true;
    else
      socket.once(isTls ? "secureConnect" : "connect", () => {
        state.sent = true;
      });
  });
  return state;
}

/** Bytes that are read to the end, so that the connection can be used again. */
const WORTH_READING = 16 * 1024;

/** Done with an answer whose body is not wanted. A short one is read to its end, so that the next question needs no new connection. */
export async function discard(answer: IncomingMessage, method: "GET" | "HEAD"): Promise<void> {
  if (method !== "HEAD" && !(Number(answer.headers["content-length"]) <= WORTH_READING)) {
    answer.destroy();
    return;
  }
  const late = setTimeout(() => answer.destroy(), 2000);
  const closed = new Promise((resolve) => answer.once("close", resolve));
  answer.resume();
  await closed;
  clearTimeout(late);
}

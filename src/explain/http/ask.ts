import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as askHttp } from "node:http";
import { Agent as HttpsAgent, request as askHttps, type RequestOptions } from "node:https";
import { createSecureContext, type SecureContext } from "node:tls";
import type { Failure } from "../tree.ts";
import { authoritiesWith } from "./authorities.ts";
import { codeOf, failureOf, seconds } from "./failures.ts";

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

  /** @param ca PEM that is trusted besides the system's authorities */
  constructor(ca: string | undefined) {
    this.#ca = ca;
  }

  /** Sends one request and resolves with the head of the answer. Rejects for `signal` only. */
  async ask(question: Question): Promise<Head> {
    const isTls = question.url.protocol === "https:";
    // Made once: reading all authorities takes longer than a handshake.
    if (isTls) this.#trust ??= createSecureContext({ ca: await authoritiesWith(this.#ca) });
    const options = { ...(isTls ? { secureContext: this.#trust } : {}), rejectUnauthorized: false };
    const first = await attempt(question, { ...options, agent: isTls ? this.#https : this.#http });
    // The clients keep no connection, so that one which ended between two requests is no fault of the server.
    return first.stale ? attempt(question, { ...options, agent: false }) : first;
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

function attempt(question: Question, options: RequestOptions): Promise<Head & { readonly stale: boolean }> {
  const { url, method, headers, signal } = question;
  signal?.throwIfAborted();
  const started = performance.now();
  const isTls = url.protocol === "https:";
  const request = (isTls ? askHttps : askHttp)(url, {
    ...options,
    method,
    headers,
    maxHeaderSize: MAX_HEAD_BYTES,
  });
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
    };
    const onAbort = (): void => {
      settle();
      reject(signal?.reason);
      request.destroy();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const connecting = setTimeout(() => {
      if (!connection.sent) fail(noConnection(question.connectMs), true);
    }, question.connectMs);
    const waiting = setTimeout(() => {
      if (!connection.sent) fail(noConnection(question.headMs), true);
      else fail({ kind: "slow", why: `no answer came within ${seconds(question.headMs)}` }, true);
    }, question.headMs);
    request.once("response", (answer) => {
      // An answer that is dropped later may still fail.
      answer.on("error", () => undefined);
      resolve({ kind: "head", answer, ms: settle(), stale: false });
    });
    request.on("error", (error) => fail(failureOf(error), codeOf(error) === "ETIMEDOUT"));
    // An answer that changes the protocol ends a request without a word.
    request.once("close", () => fail({ kind: "cut", why: "the connection ended without an answer" }));
    request.end();
  });
}

function noConnection(ms: number): Failure {
  return { kind: "unreachable", why: `no connection came about within ${seconds(ms)}` };
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

import type { IncomingMessage, Server as HttpServer, ServerOptions, ServerResponse } from "node:http";
import { createServer as createHttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import { createServer as createHttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import type { LoadedCertificate } from "./certificate-source.ts";
import type { Counters } from "./counters.ts";
import type { Transport } from "./exchange.ts";
import type { Protocols } from "./listener.ts";
import type { Logger } from "./logger.ts";
import { oneAtATime } from "./one-at-a-time.ts";

export interface ProtocolOptions {
  readonly handlerFor: (transport: Transport) => (request: IncomingMessage, response: ServerResponse) => void;
  readonly certificate: LoadedCertificate | undefined;
  readonly counters: Counters;
  readonly log: Logger;
  readonly limits: ConnectionLimits;
}

export interface ConnectionLimits {
  /** From the start of a connection or request to the end of its headers, and for the TLS handshake. */
  readonly headersMs: number;
  /** Without a byte taken by the client. */
  readonly stalledMs: number;
  /** Between two requests. Handshakes are the dearest part of an answer: those who keep a connection may. */
  readonly idleMs: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = { headersMs: 10_000, stalledMs: 60_000, idleMs: 65_000 };

/** The servers that speak HTTP, with the same limits for all. They listen on nothing; a `Listener` hands them sockets. */
export class HttpProtocols implements Protocols {
  readonly tls: HttpsServer | undefined;
  readonly clear: HttpServer;
  readonly proxied: HttpServer;
  #running = 0;
  #isClosing = false;

  constructor(options: ProtocolOptions) {
    const { certificate, limits } = options;
    this.tls = certificate === undefined ? undefined : createTls(options, certificate);
    this.clear = createHttpServer(httpOptions(limits));
    this.proxied = createHttpServer(httpOptions(limits));
    if (this.tls !== undefined) this.#prepare(this.tls, "tls", options);
    this.#prepare(this.clear, "clear", options);
    this.#prepare(this.proxied, "proxied", options);
  }

  /** Answers on their way. */
  get running(): number {
    return this.#running;
  }

  /** Ends the connections between two requests; the others end with their answer. */
  closeIdle(): void {
    this.#isClosing = true;
    for (const server of [this.tls, this.clear, this.proxied]) server?.closeIdleConnections();
  }

  /** Ends what runs by itself. */
  close(): void {
    // They never listened, which `close` reports as an error; it stops their timers all the same.
    for (const server of [this.tls, this.clear, this.proxied]) server?.close(() => undefined);
  }

  #prepare(server: HttpServer | HttpsServer, transport: Transport, options: ProtocolOptions): void {
    const answer = options.handlerFor(transport);
    const handle = oneAtATime((request, response) => {
      this.#running += 1;
      response.once("close", () => {
        this.#running -= 1;
      });
      if (this.#isClosing) response.setHeader("Connection", "close");
      answer(request, response);
    });
    server.timeout = options.limits.stalledMs;
    server.on("request", handle);
    // Without this, Node would invite the body that is refused.
    server.on("checkContinue", handle);
    server.on("clientError", refuse);
    // Node starts its watch over headers and idle connections when a server listens, which this one never does.
    server.emit("listening");
  }
}

/** TLS 1.3 alone: Incus and LXD speak nothing older. */
export function secureContextOf({ cert, key }: LoadedCertificate): {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: "TLSv1.3";
  readonly ciphers: string;
} {
  const ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
  return { cert, key, minVersion: "TLSv1.3", ciphers };
}

function httpOptions({ headersMs, idleMs }: ConnectionLimits): ServerOptions {
  return {
    headersTimeout: headersMs,
    requestTimeout: headersMs,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: Math.max(50, Math.min(1000, headersMs / 4)),
    maxHeaderSize: 16 * 1024,
  };
}

/** What OpenSSL calls a client that offers nothing newer. */
const TOO_OLD: ReadonlySet<string> = new Set(["ERR_SSL_UNSUPPORTED_PROTOCOL", "ERR_SSL_VERSION_TOO_LOW"]);

function createTls(options: ProtocolOptions, certificate: LoadedCertificate): HttpsServer {
  const { counters, log, limits } = options;
  const server = createHttpsServer({
    ...httpOptions(limits),
    ...secureContextOf(certificate),
    handshakeTimeout: limits.headersMs,
  });
  let isToldOfOldTls = false;
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    // Node leaves a handshake that took too long open.
    socket.destroy();
    // LXD breaks off a handshake per request while it looks for the name to ask for: no news for a log.
    if (!TOO_OLD.has(error.code ?? "")) {
      counters.failedHandshakes += 1;
      return;
    }
    counters.refusedTlsVersions += 1;
    if (isToldOfOldTls) return;
    isToldOfOldTls = true;
    log.warn(
      {},
      "a client that speaks nothing newer than TLS 1.2 was refused; further ones are only counted",
    );
  });
  return server;
}

const STATUS_OF_ERROR = new Map([
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
]);

/** What cannot be read as a request: one line, if there is still somebody to read it. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex & { _httpMessage?: unknown }): void {
  const isGone = error.code === "ECONNRESET" || !socket.writable;
  // In the middle of another answer a line of text would become part of a file.
  if (isGone || (socket._httpMessage !== undefined && socket._httpMessage !== null)) {
    socket.destroy();
    return;
  }
  const status = STATUS_OF_ERROR.get(error.code ?? "") ?? "400 Bad Request";
  const body = "This is not a request that can be answered.\n";
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
}

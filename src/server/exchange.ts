import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from "node:http";

/**
 * How a request came: over TLS; in clear on a port that speaks both (clients try that first for every file); or on
 * a full plain listener, behind which a TLS proxy stands.
 */
export type Transport = "tls" | "clear" | "proxied";

/** One request with its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly transport: Transport;
  readonly isHead: boolean;
}

/** Whether a request brings a body, which nothing here wants. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && !/^0+$/.test(length));
}

/** An answer of one line of text: errors, refusals, health. Never cached: the next answer may be another. */
export function sendLine(
  exchange: Pick<Exchange, "response" | "isHead">,
  status: number,
  line: string,
  headers: OutgoingHttpHeaders = {},
): void {
  sendText(exchange, status, line, { "Content-Type": "text/plain; charset=utf-8", ...headers });
}

/**
 * An error with its line as the reason phrase too, since that is all of an answer that both clients print (`r.Status` in
 * shared/simplestreams/simplestreams.go and shared/util).
 */
export function sendReason(exchange: Exchange, status: number, line: string): void {
  exchange.response.statusMessage = `${STATUS_CODES[status] ?? ""}: ${line.replace(/\.$/, "")}`;
  sendLine(exchange, status, line);
}

/** The same with a small JSON value for a body. */
export function sendJson(
  exchange: Pick<Exchange, "response" | "isHead">,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  sendText(exchange, status, JSON.stringify(value), { "Content-Type": "application/json", ...headers });
}

function sendText(
  { response, isHead }: Pick<Exchange, "response" | "isHead">,
  status: number,
  text: string,
  headers: OutgoingHttpHeaders,
): void {
  const body = `${text}\n`;
  response.writeHead(status, {
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...headers,
  });
  response.end(isHead ? undefined : body);
}

/** An answer for a state that will pass: clients with a cached copy go on with it, and nobody caches this one. */
export function sendUnavailable(exchange: Exchange, line: string, retryAfterSeconds = 10): void {
  sendLine(exchange, 503, line, { "Retry-After": retryAfterSeconds });
}

/** There was no place among the sends in time. */
export function sendBusy(exchange: Exchange): void {
  sendUnavailable(exchange, "Too many downloads at once; try again in a moment.");
}

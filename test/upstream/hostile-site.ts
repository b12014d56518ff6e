import { createHash } from "node:crypto";
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { type Authority, makeAuthority } from "./authority.ts";
import { type Misbehaviour, misbehaveNow } from "./misbehaviours.ts";

export type { Misbehaviour } from "./misbehaviours.ts";

export interface SiteOptions {
  /** By path, without a leading `/`. */
  readonly files?: ReadonlyMap<string, Uint8Array | string>;
  /** HTTPS with a certificate of an authority of its own; `expired` and `wrong name` for such a certificate. Plain HTTP with `false`. */
  readonly tls?: boolean | "expired" | "wrong name";
  /** In its certificate besides those of this machine. */
  readonly names?: readonly string[];
  /** To be in the same authority's hands as other sites. */
  readonly authority?: Authority;
}

/** One request, in the order they came. `sent` grows while the body goes out. */
export interface Visit {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly range: string | undefined;
  readonly userAgent: string | undefined;
  /** Whether credentials came with it. */
  readonly hasAuthorization: boolean;
  readonly host: string | undefined;
  /** Of the answer; 0 until there is one. */
  status: number;
  /** Bytes of the body. */
  sent: number;
}

export interface HostileSite {
  readonly url: string;
  readonly port: number;
  /** PEM of its authority; undefined without TLS. */
  readonly ca: string | undefined;
  readonly log: readonly Visit[];
  /** Connections that were made so far. */
  readonly connections: () => number;
  set(path: string, bytes: Uint8Array | string): void;
  remove(path: string): void;
  /** How a path is answered from now on; `times` limits it. Undefined: as it should be. */
  misbehave(path: string, how: Misbehaviour | undefined, times?: number): void;
  close(): Promise<void>;
}

/** An upstream under a test's control: a truthful static server with ETags, ranges and 304, until it is told to misbehave. */
export async function startSite(options: SiteOptions = {}): Promise<HostileSite> {
  const { files = new Map<string, string>(), tls = true, names = [] } = options;
  const site = new Site(files);
  const authority = tls === false ? undefined : (options.authority ?? (await makeAuthority()));
  const pair = await authority?.issue(
    tls === "wrong name" ? ["other.example"] : ["127.0.0.1", "localhost", ...names],
    tls === "expired" ? new Date(Date.now() - 3600_000) : undefined,
  );
  const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
    site.answer(request, response);
  const server = pair === undefined ? createHttp(onRequest) : createHttps({ ...pair }, onRequest);
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${pair === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    ca: authority?.ca,
    log: site.log,
    connections: () => connections,
    set: (path, bytes) => site.set(path, bytes),
    remove: (path) => site.remove(path),
    misbehave: (path, how, times) => site.misbehave(path, how, times),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

interface KeptFile {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly lastModified: string;
}

class Site {
  readonly log: Visit[] = [];
  readonly #files = new Map<string, KeptFile>();
  readonly #misbehaviours = new Map<string, { how: Misbehaviour; times: number }>();
  #changes = 0;

  constructor(files: ReadonlyMap<string, Uint8Array | string>) {
    for (const [path, bytes] of files) this.set(path, bytes);
  }

  set(path: string, content: Uint8Array | string): void {
    const bytes = Buffer.from(content);
    const hash = createHash("sha256").update(bytes).digest("hex");
    const time = new Date(Date.UTC(2026, 0, 1) + 1000 * this.#changes++);
    this.#files.set(path, { bytes, etag: `"${hash.slice(0, 16)}"`, lastModified: time.toUTCString() });
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  misbehave(path: string, how: Misbehaviour | undefined, times = Number.POSITIVE_INFINITY): void {
    if (how === undefined) this.#misbehaviours.delete(path);
    else this.#misbehaviours.set(path, { how, times });
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent((request.url ?? "/").slice(1));
    const visit = visitOf(path, request);
    this.log.push(visit);
    countSent(response, visit);
    const active = this.#misbehaviours.get(path);
    const file = this.#files.get(path);
    if (active !== undefined) {
      if (--active.times <= 0) this.#misbehaviours.delete(path);
      misbehaveNow(active.how, { request, response, bytes: file?.bytes ?? Buffer.alloc(0), file });
      return;
    }
    if (file === undefined) response.writeHead(404, { "Content-Length": 4 }).end("none");
    else send(file, request, response);
  }
}

function visitOf(path: string, { headers, method = "" }: IncomingMessage): Visit {
  return {
    path,
    method,
    headers,
    range: headers.range,
    userAgent: headers["user-agent"],
    hasAuthorization: headers.authorization !== undefined,
    host: headers.host,
    status: 0,
    sent: 0,
  };
}

function countSent(response: ServerResponse, visit: Visit): void {
  const write = response.write.bind(response) as (...parts: unknown[]) => boolean;
  const end = response.end.bind(response) as (...parts: unknown[]) => ServerResponse;
  const count = (piece: unknown): void => {
    visit.status = response.statusCode;
    if (typeof piece === "string" || piece instanceof Uint8Array) visit.sent += Buffer.byteLength(piece);
  };
  response.write = (...parts: unknown[]) => {
    count(parts[0]);
    return write(...parts);
  };
  // `end` does not go through `write`.
  response.end = (...parts: unknown[]) => {
    count(parts[0]);
    return end(...parts);
  };
}

/** As an honest server does it. */
function send(file: KeptFile, request: IncomingMessage, response: ServerResponse): void {
  const { bytes, etag, lastModified } = file;
  const common = { ETag: etag, "Last-Modified": lastModified, "Accept-Ranges": "bytes" };
  const { headers } = request;
  const isKnown =
    headers["if-none-match"] === undefined
      ? headers["if-modified-since"] === lastModified
      : headers["if-none-match"] === etag;
  if (isKnown) {
    response.writeHead(304, common).end();
    return;
  }
  const condition = headers["if-range"];
  const range = /^bytes=(\d+)-$/.exec(headers.range ?? "");
  const from = Number(range?.[1] ?? 0);
  if (range === null || (condition !== undefined && condition !== etag && condition !== lastModified)) {
    response.writeHead(200, { ...common, "Content-Length": bytes.length }).end(bytes);
  } else if (from >= bytes.length) {
    response.writeHead(416, { ...common, "Content-Range": `bytes */${bytes.length}` }).end();
  } else {
    const contentRange = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    response
      .writeHead(206, { ...common, "Content-Range": contentRange, "Content-Length": bytes.length - from })
      .end(bytes.subarray(from));
  }
}

import { createServer, type IncomingMessage, request as ask, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { ServerCertificate } from "./authority.ts";

/**
 * Where a host is: a port of this machine. Or what becomes of who wants to go there: refused with a status, cut off at once, or cut off
 * after it was told that it is connected.
 */
export type Way = number | { readonly refused: number } | "cut" | "cut behind";

export interface ConnectProxy {
  readonly url: string;
  /** What it was asked to connect to, such as `public.example:443`. */
  readonly asked: readonly string[];
  /** What it was asked for in clear, such as `http://public.example/item`. */
  readonly askedInClear: readonly string[];
  /** `Proxy-Authorization` and `Authorization` of everything that was asked. */
  readonly credentials: readonly { readonly own: string | undefined; readonly others: string | undefined }[];
  /** Connections that are open to it. */
  connections(): number;
  close(): Promise<void>;
}

/** A proxy for CONNECT and for plain HTTP. `ways`: by `host:port`; what is not in it is never answered. With a certificate it speaks TLS itself. */
export async function startProxy(
  ways: ReadonlyMap<string, Way>,
  certificate?: ServerCertificate,
): Promise<ConnectProxy> {
  const asked: string[] = [];
  const askedInClear: string[] = [];
  const credentials: { own: string | undefined; others: string | undefined }[] = [];
  const sockets = new Set<Socket>();
  const incoming = new Set<Socket>();
  const note = ({ headers }: IncomingMessage): void => {
    credentials.push({ own: headers["proxy-authorization"], others: headers.authorization });
  };
  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    note(request);
    const url = new URL(request.url ?? "", "http://nowhere.invalid");
    askedInClear.push(request.url ?? "");
    passOn(request, response, ways.get(`${url.hostname}:${url.port === "" ? 80 : url.port}`));
  };
  const server = certificate === undefined ? createServer(handler) : createHttpsServer(certificate, handler);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    incoming.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => incoming.delete(socket));
  });
  server.on("connect", (request, socket: Socket) => {
    note(request);
    asked.push(request.url ?? "");
    const way = ways.get(request.url ?? "");
    // Whoever gives up is gone, whole.
    socket.resume().once("end", () => socket.end());
    if (way === undefined) return;
    if (way === "cut") socket.destroy();
    else if (way === "cut behind") socket.end("HTTP/1.1 200 Connection established\r\n\r\n");
    else if (typeof way === "number") sockets.add(join(socket, way));
    else socket.end(`HTTP/1.1 ${way.refused} No\r\n\r\n`);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    askedInClear,
    credentials,
    connections: () => incoming.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function join(socket: Socket, port: number): Socket {
  const onward = connect(port, "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    socket.pipe(onward).pipe(socket);
  });
  onward.on("error", () => socket.destroy());
  return onward;
}

function passOn(
  { url = "", headers }: IncomingMessage,
  response: ServerResponse,
  way: Way | undefined,
): void {
  if (way === undefined) return;
  if (typeof way === "string") response.destroy();
  else if (typeof way === "number") {
    const { pathname, search } = new URL(url);
    ask({ host: "127.0.0.1", port: way, path: `${pathname}${search}`, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    })
      .on("error", () => response.destroy())
      .end();
  } else response.writeHead(way.refused, { "Content-Length": 0 }).end();
}

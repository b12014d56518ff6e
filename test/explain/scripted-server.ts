import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import type { ServerCertificate } from "../upstream/authority.ts";
import { selfSigned } from "./self-signed.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Script {
  /** What comes over TLS, by path; everything else is 404. */
  readonly paths?: Readonly<Record<string, Handler | string>>;
  /** What plain HTTP on the same port does; as a Node server without this would, it cuts the connection. */
  readonly plain?: "cut" | "silent" | Handler;
  readonly certificate?: ServerCertificate;
  readonly tls?: SecureContextOptions;
  /** Speaks http only. */
  readonly isPlain?: boolean;
  /** Is given each connection instead of all that. */
  readonly raw?: (socket: Socket) => void;
}

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly isTls: boolean;
  readonly authorization: string | undefined;
}

export interface ScriptedServer {
  /** `https://127.0.0.1:PORT`, or http. */
  readonly url: string;
  readonly port: number;
  /** PEM of its certificate. */
  readonly cert: string;
  readonly seen: readonly Seen[];
  close(): Promise<void>;
}

/** A server on one port of this machine that does as it is told, over TLS and without. */
export async function startScripted(script: Script = {}): Promise<ScriptedServer> {
  const { certificate = await selfSigned(["localhost", "127.0.0.1"]), plain = "cut", raw } = script;
  const seen: Seen[] = [];
  const logged =
    (isTls: boolean, handler: Handler): Handler =>
    (request, response) => {
      const { method = "", url = "", headers } = request;
      seen.push({ method, url, isTls, authorization: headers.authorization });
      response.on("error", () => undefined);
      handler(request, response);
    };
  const byPath = handlerOf(script.paths ?? {});
  const secure = createHttps({ ...certificate, ...script.tls }, logged(true, byPath));
  const clear = createHttp(
    logged(false, script.isPlain === true || typeof plain === "string" ? byPath : plain),
  );
  secure.on("tlsClientError", () => undefined);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
    if (raw !== undefined) return raw(socket);
    socket.once("data", (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      const isTls = first[0] === 0x16;
      if (script.isPlain === true) clear.emit("connection", socket);
      else if (isTls) secure.emit("connection", socket);
      else if (plain === "cut") socket.resetAndDestroy();
      else if (plain !== "silent") clear.emit("connection", socket);
      process.nextTick(() => socket.resume());
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${script.isPlain === true ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    cert: certificate.cert,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function handlerOf(paths: Readonly<Record<string, Handler | string>>): Handler {
  return (request, response) => {
    const path = decodeURIComponent((request.url ?? "").replace(/[?].*$/, "").slice(1));
    const answer = paths[path];
    if (typeof answer === "function") answer(request, response);
    else if (answer === undefined) response.writeHead(404, { "Content-Length": 4 }).end("none");
    else response.writeHead(200, { "Content-Length": Buffer.byteLength(answer) }).end(answer);
  };
}

/** A head and a body in one. */
export function answering(
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
  body: string | Uint8Array = "",
): Handler {
  return (_, response) => {
    response.writeHead(status, headers).end(body);
  };
}

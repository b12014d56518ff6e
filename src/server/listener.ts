import type { Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import { HeadwaterError } from "../error.ts";
import type { ListenAddress } from "../config/listen-address.ts";
import { formatListenAddress } from "../config/listen-address.ts";

/** The servers that speak the protocols; they listen on nothing themselves and are handed sockets. */
export interface Protocols {
  /** Undefined without a certificate. */
  readonly tls: HttpsServer | undefined;
  /** Plain HTTP on a port of TLS. */
  readonly clear: HttpServer;
  readonly proxied: HttpServer;
}

/** `clear`: plain HTTP as on a port of TLS, without the TLS: port 80 next to 443. */
export type ListenerAddress = Omit<ListenAddress, "kind"> & {
  readonly kind: ListenAddress["kind"] | "clear";
};

export interface ListenerOptions {
  readonly protocols: Protocols;
  /** How long a connection may stay silent at its start. */
  readonly silentMs: number;
  readonly onConnections?: (change: 1 | -1) => void;
}

/** The first byte of every TLS connection: a record of type handshake. No HTTP method starts like that. */
const TLS_HANDSHAKE = 0x16;

/** Connections that wait to be accepted: LXD makes two for each request, many machines at the same minute. */
const BACKLOG = 4096;

/** One listening port. */
export class Listener {
  readonly #server: Server;
  readonly #options: ListenerOptions;
  readonly #wanted: ListenerAddress;
  readonly #sockets = new Set<Socket>();
  #closed = false;

  constructor(wanted: ListenerAddress, options: ListenerOptions) {
    this.#wanted = wanted;
    this.#options = options;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** Throws ADDRESS_IN_USE or ADDRESS_UNUSABLE. */
  async open(): Promise<void> {
    const { host, port } = this.#wanted;
    await new Promise<void>((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => reject(cannotListen(this.#wanted, error));
      this.#server.once("error", onError);
      this.#server.listen({ port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off("error", onError);
        // A failed accept, such as too many open files, passes by itself and is seen by the client.
        this.#server.on("error", () => undefined);
        resolve();
      });
    });
  }

  /** What it listens on, with the port the system chose when 0 was asked for. */
  get address(): ListenerAddress & { readonly address: string } {
    const { address, port } = this.#server.address() as AddressInfo;
    return { ...this.#wanted, address, port };
  }

  /** Open connections, idle ones included. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** No more connections. Resolves when those that are open have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    // A socket is told that it has closed a moment later, and is in the set until then.
    for (const socket of this.#sockets) await new Promise((resolve) => socket.once("close", resolve));
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    this.#options.onConnections?.(1);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#options.onConnections?.(-1);
    });
    // Clients reset connections all day long; LXD opens one per request and says nothing on it.
    socket.on("error", () => undefined);
    const { protocols } = this.#options;
    if (this.#wanted.kind === "tls") this.#awaitFirstByte(socket, protocols);
    else protocols[this.#wanted.kind].emit("connection", socket);
  }

  #awaitFirstByte(socket: Socket, { tls, clear }: Protocols): void {
    const drop = (): void => {
      socket.destroy();
    };
    socket.setTimeout(this.#options.silentMs, drop);
    socket.once("end", drop);
    socket.once("data", (first: Buffer) => {
      socket.off("end", drop);
      socket.off("timeout", drop);
      socket.setTimeout(0);
      if (this.#closed) return drop();
      // Put back, the bytes are the first that the protocol's server reads; from then on its own fast path has the socket.
      socket.pause();
      socket.unshift(first);
      if (first[0] !== TLS_HANDSHAKE) {
        clear.emit("connection", socket);
        socket.resume();
      } else if (tls === undefined) drop();
      else tls.emit("connection", socket);
    });
  }
}

export function cannotListen(wanted: ListenerAddress, error: NodeJS.ErrnoException): HeadwaterError {
  const where = formatListenAddress(wanted);
  const details = { address: where, errno: error.code ?? "" };
  if (error.code === "EADDRINUSE") {
    const hint =
      wanted.port === 8443
        ? "8443 is often held by this machine's own LXD or Incus: use --listen :8444."
        : "Stop the other program, or choose another port with --listen HOST:PORT.";
    const message = `Cannot listen on ${where}: another program uses that address.`;
    return new HeadwaterError("ADDRESS_IN_USE", message, { hint, details, cause: error });
  }
  const isDenied = error.code === "EACCES" && wanted.port < 1024;
  const message = isDenied
    ? `Cannot listen on ${where}: ports below 1024 need a privilege this user does not have.`
    : `Cannot listen on ${where}: ${error.message}.`;
  const hint = isDenied
    ? "Give the service AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit, run setcap cap_net_bind_service=+ep on node, or use a port from 1024."
    : "Name an address of this machine, or :PORT for all of them.";
  return new HeadwaterError("ADDRESS_UNUSABLE", message, { hint, details, cause: error });
}

import { request as askHttp } from "node:http";
import { Agent as HttpsAgent, request as askHttps, type RequestOptions } from "node:https";
import { isIP, isIPv6 } from "node:net";
import type { Duplex } from "node:stream";
import { connect, type SecureContext } from "node:tls";
import { callbackify } from "node:util";
import { printable } from "../../simplestreams/printable.ts";
import { proxyFor } from "../../upstream/proxy.ts";
import type { Failure } from "../tree.ts";
import { basic, credentialsIn, hostOf, portOf, serverName } from "./address.ts";
import { failureOf, seconds, Stopped } from "./failures.ts";

export interface Proxy {
  /** Without user and password. */
  readonly url: URL;
  /** For the proxy alone. */
  readonly authorization: string | undefined;
  /** For a person. */
  readonly name: string;
}

/** The proxy that the clients would take for a URL. @throws CONFIG_INVALID */
export function proxyTo(to: URL): Proxy | undefined {
  const address = proxyFor(to);
  if (address === undefined) return undefined;
  const url = new URL(address);
  const own = credentialsIn(url);
  return { url, authorization: own && basic(own), name: printable(`the proxy ${url.origin}`) };
}

export function proxyHeaders({ authorization }: Proxy): Readonly<Record<string, string>> {
  return authorization === undefined ? {} : { "Proxy-Authorization": authorization };
}

type TrustingOptions = RequestOptions & { readonly secureContext?: SecureContext | undefined };

/** How to reach the proxy itself. A certificate of its own must be good: nobody looks at the proxy. */
export function proxyAddress({ url }: Proxy, trust: SecureContext | undefined): TrustingOptions {
  const host = hostOf(url);
  const address = { host, port: portOf(url) };
  if (url.protocol !== "https:") return address;
  // Said in full: Node would take the name from the header Host, which names the server behind the proxy.
  return { ...address, servername: isIP(host) === 0 ? host : "", secureContext: trust };
}

/** A status that a proxy answers for itself. */
export function refusalBy({ name, authorization }: Proxy, status: number): Failure {
  const wants =
    authorization === undefined ? "wants a user and a password" : "does not take its user and password";
  const why = status === 407 ? `${name} ${wants}` : `${name} answers ${status} instead of connecting`;
  return { kind: "unreachable", why };
}

export interface Tunnel {
  readonly proxy: Proxy;
  readonly host: string;
  readonly port: number;
  /** For a proxy that speaks TLS itself. */
  readonly trust: SecureContext | undefined;
  readonly signal: AbortSignal;
}

/**
 * A connection through a proxy, by CONNECT; as Go does it, nothing but 200 will do. Rejects with `Stopped`, or with the reason of `signal`,
 * which nothing survives: what waits for a proxy holds a connection that no request knows of.
 */
export async function openTunnel({ proxy, host, port, trust, signal }: Tunnel): Promise<Duplex> {
  signal.throwIfAborted();
  const target = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const request = (proxy.url.protocol === "https:" ? askHttps : askHttp)({
    ...proxyAddress(proxy, trust),
    method: "CONNECT",
    path: target,
    headers: { Host: target, ...proxyHeaders(proxy) },
    agent: false,
  });
  return new Promise((resolve, reject) => {
    const end = (error: unknown): void => {
      signal.removeEventListener("abort", onAbort);
      reject(error);
      request.destroy();
    };
    const onAbort = (): void => end(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    request.once("connect", (answer, socket, first) => {
      signal.removeEventListener("abort", onAbort);
      // Until somebody else listens.
      socket.on("error", () => undefined);
      if (answer.statusCode === 200) {
        if (first.byteLength > 0) socket.unshift(first);
        resolve(socket);
        return;
      }
      socket.destroy();
      end(new Stopped(refusalBy(proxy, answer.statusCode ?? 0)));
    });
    request.on("error", (error) => end(new Stopped(failureAt(proxy, error))));
    // After an answer this comes too late to matter.
    request.once("close", () => end(new Stopped(failureAt(proxy, new Stopped(CUT)))));
    request.end();
  });
}

const CUT: Failure = { kind: "cut", why: "the connection was cut" };

/** What goes wrong with the proxy itself. */
export function failureAt({ name }: Proxy, cause: unknown): Failure {
  const { code, why } = failureOf(cause);
  const isCertificate = /CERT|^UNABLE_TO_/.test(code);
  return {
    kind: "unreachable",
    why: `${name}: ${isCertificate ? `its certificate is refused (${code})` : why}`,
  };
}

export function noConnection(ms: number, proxy: Proxy | undefined): Failure {
  const through = proxy === undefined ? "" : ` through ${proxy.name}`;
  return { kind: "unreachable", why: `no connection came about${through} within ${seconds(ms)}` };
}

export function cutBehind({ name }: Proxy): Failure {
  return { kind: "unreachable", why: `${name} connects, and the connection is cut before there is TLS` };
}

export interface TunnelOptions extends RequestOptions {
  /** When nobody waits for the connection any more. */
  readonly ended?: AbortSignal;
}

/** Connections to servers behind a proxy. They are handed over when TLS is spoken on them. */
export class TunnelAgent extends HttpsAgent {
  readonly #proxy: Proxy;
  readonly #trust: SecureContext | undefined;

  constructor(proxy: Proxy, trust: SecureContext | undefined, keepAlive: boolean) {
    super({ keepAlive });
    this.#proxy = proxy;
    this.#trust = trust;
  }

  override createConnection(
    { host, port, ended }: TunnelOptions,
    done: (error: Error | null, socket: Duplex) => void = () => undefined,
  ): undefined {
    const to = { host: host ?? "", port: Number(port) };
    callbackify(() => this.#open(to, ended ?? new AbortController().signal))(done);
  }

  async #open(to: Pick<Tunnel, "host" | "port">, signal: AbortSignal): Promise<Duplex> {
    const proxy = this.#proxy;
    const socket = await openTunnel({ ...to, proxy, trust: this.#trust, signal });
    const secured = connect({
      socket,
      ...serverName(to.host),
      ALPNProtocols: ["http/1.1"],
      secureContext: this.#trust,
      rejectUnauthorized: false,
    });
    return new Promise((resolve, reject) => {
      const end = (failure: Failure): void => {
        signal.removeEventListener("abort", onAbort);
        reject(new Stopped(failure));
        secured.destroy();
        socket.destroy();
      };
      const onAbort = (): void => end({ kind: "cut", why: "it was stopped" });
      const onError = (error: unknown): void => {
        const failure = failureOf(error);
        end(failure.kind === "cut" ? cutBehind(proxy) : failure);
      };
      const onClose = (): void => end(cutBehind(proxy));
      signal.addEventListener("abort", onAbort, { once: true });
      secured.once("error", onError).once("close", onClose);
      secured.once("secureConnect", () => {
        signal.removeEventListener("abort", onAbort);
        secured.off("error", onError).off("close", onClose);
        // Until it has a request.
        secured.on("error", () => undefined);
        resolve(secured);
      });
    });
  }
}

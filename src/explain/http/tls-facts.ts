import type { X509Certificate } from "node:crypto";
import type { Duplex } from "node:stream";
import { connect, type ConnectionOptions, createSecureContext } from "node:tls";
import type { CertificateFacts } from "../tree.ts";
import { serverName } from "./address.ts";
import { authoritiesWith } from "./authorities.ts";
import { certificateFacts } from "./certificate-facts.ts";
import { failureOf, Stopped } from "./failures.ts";
import { cutBehind, noConnection, openTunnel, type Proxy } from "./tunnel.ts";

export interface TlsFacts {
  readonly problem: string | undefined;
  readonly tls13: boolean;
  readonly older: string | undefined;
  readonly certificate: CertificateFacts | undefined;
}

export interface TlsQuestion {
  readonly host: string;
  readonly port: number;
  readonly proxy: Proxy | undefined;
  readonly ca: string | undefined;
  readonly connectMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What a server shows in a handshake: first in one that the clients would accept, then in an older one, to name what it speaks. */
export async function lookAtTls(question: TlsQuestion): Promise<TlsFacts> {
  const ca = await authoritiesWith(question.ca);
  const modern = await handshake(question, { ca, minVersion: "TLSv1.3" });
  if (modern.kind === "shaken") return factsOf(question, modern, undefined);
  if (!modern.isTls) return failed(modern.why);
  const old = await handshake(question, {
    ca,
    minVersion: "TLSv1",
    maxVersion: "TLSv1.2",
    // What OpenSSL calls too weak to be spoken, servers of that age speak.
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  return old.kind === "shaken" ? factsOf(question, old, old.protocol) : failed(modern.why);
}

type Outcome =
  | {
      readonly kind: "shaken";
      readonly protocol: string;
      readonly certificate: X509Certificate | undefined;
      readonly distrust: string | undefined;
    }
  | { readonly kind: "failed"; readonly why: string; readonly isTls: boolean };

function failed(why: string): TlsFacts {
  return { problem: why, tls13: false, older: undefined, certificate: undefined };
}

function factsOf(
  { host, ca }: TlsQuestion,
  { certificate, distrust }: Outcome & { readonly kind: "shaken" },
  older: string | undefined,
): TlsFacts {
  return {
    problem: undefined,
    tls13: older === undefined,
    older,
    certificate: certificate && certificateFacts({ certificate, distrust, host, ca }),
  };
}

async function handshake(question: TlsQuestion, options: ConnectionOptions): Promise<Outcome> {
  const { proxy } = question;
  if (proxy === undefined) return shake(question, options, undefined);
  try {
    return await shake(question, options, await tunnelTo(question, proxy));
  } catch (error) {
    question.signal?.throwIfAborted();
    if (error instanceof Stopped) return { kind: "failed", why: error.failure.why, isTls: false };
    throw error;
  }
}

/** Gives up in time, with `Stopped`. */
async function tunnelTo({ host, port, ca, connectMs, signal }: TlsQuestion, proxy: Proxy): Promise<Duplex> {
  // Reading all authorities takes long, and few proxies have a certificate.
  const isTls = proxy.url.protocol === "https:";
  const trust = isTls ? createSecureContext({ ca: await authoritiesWith(ca) }) : undefined;
  const ended = new AbortController();
  const stop = (): void => ended.abort(signal?.reason);
  const late = setTimeout(() => ended.abort(new Stopped(noConnection(connectMs, proxy))), connectMs);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await openTunnel({ proxy, host, port, trust, signal: ended.signal });
  } finally {
    clearTimeout(late);
    signal?.removeEventListener("abort", stop);
  }
}

/** @param tunnel a connection that leads there already, through `proxy` */
function shake(
  question: TlsQuestion,
  options: ConnectionOptions,
  tunnel: Duplex | undefined,
): Promise<Outcome> {
  const { host, port, connectMs, proxy, signal } = question;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...(tunnel === undefined ? { host, port } : { socket: tunnel }),
      ...serverName(host),
      ...options,
      rejectUnauthorized: false,
      // Names are compared elsewhere, so that what Node says is about trust alone.
      checkServerIdentity: () => undefined,
    });
    let isConnected = tunnel !== undefined;
    const end = (): void => {
      clearTimeout(late);
      signal?.removeEventListener("abort", onAbort);
      socket.destroy();
      tunnel?.destroy();
    };
    const onAbort = (): void => {
      reject(signal?.reason);
      end();
    };
    const settle = (outcome: Outcome): void => {
      resolve(outcome);
      end();
    };
    const fail = (why: string): void => {
      const through = proxy === undefined || !isConnected ? "" : ` through ${proxy.name}`;
      settle({ kind: "failed", why: `${why}${through}`, isTls: isConnected });
    };
    const onCut = (): void => {
      if (proxy === undefined) fail("it does not speak TLS there");
      // The one that cut it may be the proxy, or the server.
      else settle({ kind: "failed", why: cutBehind(proxy).why, isTls: true });
    };
    const late = setTimeout(
      () => fail(isConnected ? "it does not answer in TLS" : "no connection in time"),
      connectMs,
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => {
      isConnected = true;
    });
    socket.once("secureConnect", () => {
      const distrust = socket.authorized ? undefined : String(socket.authorizationError);
      const certificate = socket.getPeerX509Certificate();
      settle({ kind: "shaken", protocol: socket.getProtocol() ?? "TLS", certificate, distrust });
    });
    socket.on("error", (error) => {
      const { kind, why } = failureOf(error);
      if (!isConnected) fail(why);
      else if (kind === "cut") onCut();
      else fail("it does not speak TLS there");
    });
    socket.once("close", () => {
      isConnected = true;
      onCut();
    });
  });
}

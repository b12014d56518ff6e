import type { X509Certificate } from "node:crypto";
import { connect, type ConnectionOptions } from "node:tls";
import type { CertificateFacts } from "../tree.ts";
import { serverName } from "./address.ts";
import { authoritiesWith } from "./authorities.ts";
import { certificateFacts } from "./certificate-facts.ts";
import { failureOf } from "./failures.ts";

export interface TlsFacts {
  readonly problem: string | undefined;
  readonly tls13: boolean;
  readonly older: string | undefined;
  readonly certificate: CertificateFacts | undefined;
}

export interface TlsQuestion {
  readonly host: string;
  readonly port: number;
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

function handshake(question: TlsQuestion, options: ConnectionOptions): Promise<Outcome> {
  const { host, port, connectMs, signal } = question;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ...serverName(host),
      ...options,
      rejectUnauthorized: false,
      // Names are compared elsewhere, so that what Node says is about trust alone.
      checkServerIdentity: () => undefined,
    });
    let isConnected = false;
    const onAbort = (): void => {
      reject(signal?.reason);
      socket.destroy();
    };
    const settle = (outcome: Outcome): void => {
      clearTimeout(late);
      signal?.removeEventListener("abort", onAbort);
      resolve(outcome);
      socket.destroy();
    };
    const late = setTimeout(() => {
      const why = isConnected ? "it does not answer in TLS" : "no connection in time";
      settle({ kind: "failed", why, isTls: isConnected });
    }, connectMs);
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
      const why = isConnected ? "it does not speak TLS there" : failureOf(error).why;
      settle({ kind: "failed", why, isTls: isConnected });
    });
    socket.once("close", () => settle({ kind: "failed", why: "it does not speak TLS there", isTls: true }));
  });
}

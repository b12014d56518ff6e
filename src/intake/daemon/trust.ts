import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { z } from "zod";
import { HeadwaterError } from "../../error.ts";
import type { HttpsAddress } from "./address.ts";
import { codeOf, unreachable } from "./failures.ts";

/** A certificate and its key, PEM. */
export interface ClientIdentity {
  readonly certificate: string;
  readonly key: string;
}

/** Whom to believe at an https address, and who we are there. */
export class Credentials {
  /** PEM of the one certificate that is believed; undefined: any that the usual authorities signed. */
  readonly pinned: string | undefined;
  readonly identity: ClientIdentity | undefined;

  constructor(options: {
    readonly pinned?: string | undefined;
    readonly identity?: ClientIdentity | undefined;
  }) {
    this.pinned = options.pinned;
    this.identity = options.identity;
  }

  /** What a failed handshake means, where it is about certificates. */
  explain(place: string, cause: unknown): HeadwaterError | undefined {
    const code = codeOf(cause);
    if (!CERTIFICATE_CODES.test(code)) return undefined;
    if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
      const what = code === "CERT_HAS_EXPIRED" ? "has expired" : "is not valid yet";
      return new HeadwaterError("DAEMON_UNTRUSTED", `${place}: its certificate ${what}`, {
        hint: "Check this machine's clock; else have the certificate renewed there.",
        details: { daemon: place, reason: code },
        cause,
      });
    }
    const changed = this.pinned !== undefined;
    return new HeadwaterError(
      "DAEMON_UNTRUSTED",
      changed
        ? `${place}: its certificate is not the one that was accepted before`
        : `${place}: its certificate comes from nobody that is trusted here`,
      {
        hint: changed
          ? "If it was renewed there, accept the new one with --accept-certificate; else somebody is in between."
          : "Compare its fingerprint with that machine's (incus info | grep fingerprint), then use --accept-certificate.",
        details: { daemon: place, reason: code },
        cause,
      },
    );
  }
}

const CERTIFICATE_CODES = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|ALTNAME/;

/** The certificate that a server shows, whoever signed it, and whether the usual authorities would do. */
export async function shownCertificate(
  { url }: HttpsAddress,
  signal?: AbortSignal,
): Promise<{
  readonly pem: string;
  readonly fingerprint: string;
  readonly isTrusted: boolean;
}> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: Number(port === "" ? 443 : port),
      minVersion: "TLSv1.3",
      // Only looked at here; nothing is sent before somebody said that it is the right one.
      rejectUnauthorized: false,
      ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    });
    socket.setTimeout(10_000, () => {
      socket.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" }));
    });
    socket.once("secureConnect", () => {
      const certificate = new X509Certificate(socket.getPeerCertificate().raw);
      socket.destroy();
      resolve({
        pem: certificate.toString(),
        fingerprint: fingerprintOf(certificate),
        isTrusted: socket.authorized,
      });
    });
    const onAbort = (): void => {
      socket.destroy(Object.assign(new Error("stopped"), { code: "ETIMEDOUT" }));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.once("close", () => signal?.removeEventListener("abort", onAbort));
    socket.once("error", (cause) => reject(unreachable(url, cause)));
  });
}

/** As the daemons print it: SHA-256, lower-case hex. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}

const tokenSchema = z.looseObject({
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  secret: z.string().min(1),
  addresses: z.array(z.string()).optional(),
  client_name: z.string().optional(),
});

/** A trust token: whom it is from, and what was written on it. */
export interface TrustToken {
  readonly text: string;
  /** Of the certificate that the server shows. */
  readonly fingerprint: string;
  readonly secret: string;
}

/** What `incus config trust add NAME` and `lxc config trust add --name NAME` print: base64 of JSON, for one use. Throws USAGE. */
export function parseTrustToken(text: string): TrustToken {
  const trimmed = text.trim();
  try {
    const parsed = tokenSchema.parse(JSON.parse(Buffer.from(trimmed, "base64").toString("utf8")));
    return { text: trimmed, fingerprint: parsed.fingerprint, secret: parsed.secret };
  } catch (cause) {
    throw new HeadwaterError("USAGE", "this is no trust token of Incus or LXD", {
      hint: "incus config trust add NAME (or lxc config trust add --name NAME) prints one: copy its last line whole.",
      cause,
    });
  }
}

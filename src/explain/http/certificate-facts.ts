import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { printable } from "../../simplestreams/printable.ts";
import type { CertificateFacts } from "../tree.ts";

/** Names of one certificate that are worth telling. */
const MAX_NAMES = 100;

export interface Judged {
  readonly certificate: X509Certificate;
  /** As OpenSSL calls it; undefined when it is trusted. */
  readonly distrust: string | undefined;
  readonly host: string;
  /** PEM that was given besides the system's authorities. */
  readonly ca: string | undefined;
}

export function certificateFacts({ certificate, distrust, host, ca }: Judged): CertificateFacts {
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    dnsNames: namesIn(certificate.subjectAltName, "DNS"),
    addresses: namesIn(certificate.subjectAltName, "IP Address"),
    validFrom: dateOf(certificate.validFrom),
    validUntil: dateOf(certificate.validTo),
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    selfSigned: isSelfSigned(certificate),
    trusted: distrust === undefined,
    pinned: distrust === undefined && ca !== undefined && chainHas(certificate, ca),
    distrust,
    matchesHost: matches(certificate, host),
  };
}

/** As Go does it (crypto/x509, VerifyHostname): the alternative names alone count, never the subject, and an asterisk is a whole label. */
function matches(certificate: X509Certificate, host: string): boolean {
  if (isIP(host) !== 0) return certificate.checkIP(host) !== undefined;
  const name = host.replace(/\.$/, "");
  return certificate.checkHost(name, { subject: "never", partialWildcards: false }) !== undefined;
}

/** Not checkIssued: it wants the key usage of a CA, which many such certificates do not have. */
function isSelfSigned(certificate: X509Certificate): boolean {
  try {
    return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
  } catch {
    return false;
  }
}

function chainHas(certificate: X509Certificate, ca: string): boolean {
  const given = new Set(certificatesIn(ca).map(({ fingerprint256 }) => fingerprint256));
  const seen = new Set<string>();
  let at: X509Certificate | undefined = certificate;
  while (at !== undefined && !seen.has(at.fingerprint256)) {
    if (given.has(at.fingerprint256)) return true;
    seen.add(at.fingerprint256);
    at = at.issuerCertificate;
  }
  return false;
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

/** OpenSSL writes `DNS:a, IP Address:1.2.3.4`; what holds a comma or a quote it writes as JSON. */
export function namesIn(alternatives: string | undefined, kind: "DNS" | "IP Address"): string[] {
  const entries = (alternatives ?? "").matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...entries]
    .filter(([, of]) => of === kind)
    .slice(0, MAX_NAMES)
    .map(([, , name = ""]) => printable(name));
}

function nameOf(text: string): string {
  return printable(text.split("\n").join(", ").slice(0, 1000));
}

function dateOf(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? printable(text) : date.toISOString();
}

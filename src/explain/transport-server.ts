import type { TransportRule } from "../simplestreams/rules/transport-rules.ts";
import type { TransportFinding } from "./transport.ts";
import type { CertificateFacts, PlainFacts, ServerFacts } from "./tree.ts";

type Tell = (rule: TransportRule, reason: string, value?: string) => void;

/** What is wrong with a server, whatever is asked for. `now` for the dates of its certificate. */
export function serverFindings(facts: ServerFacts, now = new Date()): TransportFinding[] {
  const found: TransportFinding[] = [];
  const tell: Tell = (rule, reason, value) =>
    found.push({ rule, reason, url: facts.url, ...(value === undefined ? {} : { value }) });
  if (facts.scheme === "http") {
    tell("https-only", "the address begins with http://");
    return found;
  }
  if (facts.problem !== undefined) {
    tell("server-unreachable", `${facts.host} port ${facts.port}: ${facts.problem}`);
    return found;
  }
  if (!facts.tls13) {
    const older = facts.older ?? "something older";
    tell(
      "tls-version",
      `the server speaks ${older}, and the clients nothing older than TLSv1.3`,
      facts.older,
    );
  }
  if (facts.certificate !== undefined) certificateFindings(facts.certificate, { facts, now, tell });
  if (facts.plain !== undefined) plainFindings(facts.plain, facts, tell);
  return found;
}

interface Scene {
  readonly facts: ServerFacts;
  readonly now: Date;
  readonly tell: Tell;
}

function certificateFindings(certificate: CertificateFacts, { facts, now, tell }: Scene): void {
  const { validFrom, validUntil, fingerprint } = certificate;
  const isExpired = Date.parse(validUntil) < now.getTime() || certificate.distrust === "CERT_HAS_EXPIRED";
  if (isExpired && !(Date.parse(validUntil) < now.getTime())) {
    tell("certificate-expired", "a certificate between this one and its authority has expired");
  } else if (isExpired) {
    tell("certificate-expired", `it was valid until ${validUntil}`, validUntil);
  } else if (Date.parse(validFrom) > now.getTime()) {
    tell("certificate-expired", `it is valid from ${validFrom} on`, validFrom);
  }
  nameFindings(certificate, facts, tell);
  const isOld = isExpired || Date.parse(validFrom) > now.getTime();
  if (!certificate.trusted && !isOld) {
    const reason = certificate.selfSigned
      ? "it is self-signed, and this system does not know it"
      : `it was issued by ${certificate.issuer}, which this system does not know${facts.proxy === undefined ? "" : opened(facts.proxy)}`;
    tell("certificate-untrusted", reason, fingerprint);
  }
}

/**
 * A self-signed certificate is pinned, and then its first DNS name is what clients expect, whatever the host is. Without one they
 * compare the host: an address among its IP addresses is enough (tried with Incus 6.0.4 and LXD 5.0.2).
 */
function nameFindings(certificate: CertificateFacts, { host }: ServerFacts, tell: Tell): void {
  const { selfSigned, pinned, trusted, dnsNames, addresses, matchesHost } = certificate;
  const isPinned = selfSigned && (pinned || !trusted);
  if (matchesHost || (isPinned && dnsNames.length > 0)) return;
  const names = [...dnsNames, ...addresses];
  const shown =
    names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} others` : names.join(", ");
  const reason =
    names.length === 0
      ? `it has no alternative name at all, and clients look for ${host}`
      : `it is for ${shown}, and clients look for ${host}`;
  tell("certificate-name", reason, shown === "" ? undefined : shown);
}

function plainFindings(plain: PlainFacts, facts: ServerFacts, tell: Tell): void {
  const way = wayOf(plain, facts);
  if (facts.credentials && (plain.kind === "answered" || plain.sent)) {
    tell("credentials-in-clear", `clients send user and password to ${plain.url} first`, plain.url);
  }
  if (plain.kind === "refused") return;
  if (plain.kind === "silent") {
    const reason = plain.sent
      ? `${plain.url} takes the connection and does not answer${way}`
      : `${plain.url} neither answers nor refuses${way}`;
    tell("plain-http-silent", reason, plain.url);
    return;
  }
  if (plain.loop !== false) {
    const end =
      plain.loop === "returns" ? "come back to where they were" : "are too many; Headwater stopped there";
    tell("redirect-loop", `redirects from ${plain.url} ${end}${way}`, plain.redirect);
  }
  if (plain.content === "longer") {
    const length = plain.length === undefined ? "more bytes than the file has" : `${plain.length} bytes`;
    tell(
      "plain-http-other-content",
      `${plain.url} answers 200 with ${length}, which is not the file${way}`,
      plain.url,
    );
  } else if (plain.content === "shorter") {
    tell(
      "plain-http-page",
      `${plain.url} answers 200 with ${plain.length} bytes, which are not the file${way}`,
      plain.url,
    );
  }
}

/** Of what is seen through a proxy nobody knows whether it does that, or the server. */
function wayOf({ proxy }: PlainFacts, facts: ServerFacts): string {
  if (proxy !== undefined) return `, through the proxy ${proxy}`;
  return facts.proxy === undefined ? "" : "; no proxy is set for http, so that it was asked directly";
}

function opened(proxy: string): string {
  return `; if that is the proxy ${proxy}, it opens what goes through it`;
}

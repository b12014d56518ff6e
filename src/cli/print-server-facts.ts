import type { CertificateFacts, PlainFacts, ServerFacts } from "../explain/tree.ts";
import { visible } from "./visible.ts";

/** What was seen of a server, for a person; what is wrong with it is among the findings. */
export function serverLines(facts: ServerFacts, bold: (text: string) => string): string[] {
  const rows = [
    ["Server", `${facts.host}, port ${facts.port}, ${tlsText(facts)}`],
    ...(facts.certificate === undefined ? [] : [["Certificate", certificateText(facts.certificate)]]),
    ...(facts.plain === undefined || facts.problem !== undefined
      ? []
      : [["Plain HTTP", plainText(facts.plain, facts)]]),
  ];
  return rows.map(([what = "", text = ""]) => `${bold(what.padEnd(11))}  ${visible(text)}`);
}

function tlsText({ scheme, problem, tls13, older, proxy }: ServerFacts): string {
  const through = proxy === undefined ? "" : `, through the proxy ${proxy}`;
  if (scheme === "http") return `no TLS${through}`;
  if (problem !== undefined) return problem;
  return `${tls13 ? "TLS 1.3" : `${older ?? "an older TLS"} and no TLS 1.3`}${through}`;
}

function certificateText({
  dnsNames,
  addresses,
  validUntil,
  selfSigned,
  trusted,
  fingerprint,
}: CertificateFacts): string {
  const names = [...dnsNames, ...addresses];
  const shown = names.length > 4 ? [...names.slice(0, 4), `${names.length - 4} more`] : names;
  const trust = trusted
    ? "trusted"
    : selfSigned
      ? "self-signed: clients pin it"
      : "of an authority that is not known here";
  return `${shown.length === 0 ? "no names" : shown.join(", ")}; until ${validUntil.slice(0, 10)}; ${trust}; ${fingerprint.slice(0, 12)}`;
}

/** What the clients' first try for each file meets. */
function plainText(plain: PlainFacts, { proxy }: ServerFacts): string {
  if (plain.proxy !== undefined) {
    // Refused or cut, by the proxy or by the server.
    const outcome =
      plain.kind === "refused" ? "no answer, so that clients go on to https" : plainOutcome(plain);
    return `through the proxy ${plain.proxy}: ${outcome}`;
  }
  if (proxy === undefined) return plainOutcome(plain);
  // Often nothing is reached from here but through the proxy, which is no refusal of the server's.
  return plain.kind === "refused" && !plain.sent
    ? "no connection without a proxy, so that clients go on to https"
    : `without a proxy: ${plainOutcome(plain)}`;
}

function plainOutcome(plain: PlainFacts): string {
  if (plain.kind === "silent") return "no answer in time";
  if (plain.kind === "refused")
    return plain.sent ? "cut off, so that clients go on to https" : "refused, so that clients go on to https";
  const to = plain.redirect === undefined ? "" : `, leads to ${plain.redirect}`;
  return `answers ${plain.status}${to}${plain.content === "file" ? " with the file" : ""}`;
}

import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";

/** Where Linux keeps the certificates of its authorities: those that Go looks at, in its order (crypto/x509/root_linux.go). */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** What a client that has pinned `ca` trusts. */
export async function authoritiesWith(ca: string | undefined): Promise<string[]> {
  return [...(await systemAuthorities()), ...(ca === undefined ? [] : [ca])];
}

/** PEM of the system's authorities. A site may have added its own there, which Node does not know; its list is taken where there is none. */
async function systemAuthorities(): Promise<readonly string[]> {
  const own = process.env["SSL_CERT_FILE"];
  for (const file of own === undefined || own === "" ? BUNDLES : [own]) {
    try {
      const text = await readFile(file, "utf8");
      if (text.includes("-----BEGIN CERTIFICATE-----")) return [text];
    } catch {
      // Another system keeps them elsewhere.
    }
  }
  return rootCertificates;
}

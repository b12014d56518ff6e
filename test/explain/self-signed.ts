import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import type { ServerCertificate } from "../upstream/authority.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY = 24 * 3600 * 1000;

/** What somebody makes with openssl in a minute. */
export async function selfSigned(
  names: readonly string[],
  notAfter = new Date(Date.now() + 30 * DAY),
): Promise<ServerCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const alternatives = names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: "CN=a test",
    notBefore: new Date(Date.now() - 60 * DAY),
    notAfter,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)],
  });
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { cert: certificate.toString("pem"), key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") };
}

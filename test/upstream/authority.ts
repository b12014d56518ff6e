import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY = 24 * 3600 * 1000;

export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  /** PEM, to trust. */
  readonly ca: string;
  /** A certificate for these names and addresses; `notAfter` in the past makes one that has expired. */
  issue(names: readonly string[], notAfter?: Date): Promise<ServerCertificate>;
}

/** A certificate authority that nobody knows. */
export async function makeAuthority(): Promise<Authority> {
  const keys = await newKeys();
  const name = "CN=A test's own authority";
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name,
    notBefore: new Date(Date.now() - 30 * DAY),
    notAfter: new Date(Date.now() + 30 * DAY),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return {
    ca: root.toString("pem"),
    issue: async (names, notAfter = new Date(Date.now() + 20 * DAY)) => {
      const own = await newKeys();
      const certificate = await x509.X509CertificateGenerator.create({
        subject: `CN=${names[0] ?? "localhost"}`,
        issuer: name,
        notBefore: new Date(Date.now() - 20 * DAY),
        notAfter,
        signingAlgorithm: ALGORITHM,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
          ),
        ],
      });
      const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", own.privateKey);
      return { cert: certificate.toString("pem"), key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") };
    },
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { isIP, isIPv6 } from "node:net";
import { join } from "node:path";
import { HeadwaterError } from "../error.ts";

/** What a person wants to know about a certificate. */
export interface CertificateDescription {
  /** PEM, the certificate alone: what goes into `servercerts/`. */
  readonly pem: string;
  /** DNS names first, then addresses. The first DNS name is the one clients expect once they pinned the certificate. */
  readonly names: readonly string[];
  /** As the `--public` prompt of Incus and LXD shows it: SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isSelfSigned: boolean;
}

/** The file in the `tls` folder of a store: certificate and key, one PEM file, 0600. */
export const CERTIFICATE_FILE = "server.pem";

const ALWAYS = ["localhost", "127.0.0.1", "::1"];
const YEARS = 10;

/** The store's own certificate; made when there is none. `names`: DNS names and addresses, the most important DNS name first. */
export async function ensureCertificate(
  tlsFolder: string,
  names: readonly string[],
): Promise<CertificateDescription> {
  const file = join(tlsFolder, CERTIFICATE_FILE);
  const found = await readPem(file);
  if (found !== undefined) return describeCertificate(found, file);
  const all = orderNames([...names, ...ALWAYS]);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const pem = await issue(keys, all, `CN=${all[0] ?? "localhost"}, O=Headwater`);
  await writeAtomically(tlsFolder, pem, true);
  return describeCertificate((await readPem(file)) ?? pem, file);
}

/**
 * Issues the certificate again with the same key and subject and the first DNS name kept: clients that pinned the old one
 * expect exactly that name (Incus shared/tls/tls.go, LXD shared/network.go: ServerName is set to the first DNS name of the pinned certificate).
 */
export async function renewCertificate(
  tlsFolder: string,
  options: { readonly addNames?: readonly string[] } = {},
): Promise<CertificateDescription> {
  const file = join(tlsFolder, CERTIFICATE_FILE);
  const pem = await readPem(file);
  if (pem === undefined) {
    throw new HeadwaterError("CERTIFICATE_INVALID", `There is no certificate in ${tlsFolder} to renew.`, {
      hint: "headwater serve makes one when it starts.",
    });
  }
  const old = describeCertificate(pem, file);
  const names = orderNames([...old.names, ...(options.addNames ?? []), ...ALWAYS]);
  const subject = new X509Certificate(pem).subject.split("\n").join(", ");
  const renewed = await issue(await keysOf(pem, file), names, subject);
  await writeAtomically(tlsFolder, renewed, false);
  return describeCertificate(renewed, file);
}

/** Reads the first certificate of a PEM text. `where` is for messages. Throws CERTIFICATE_INVALID. */
export function describeCertificate(pem: string, where: string): CertificateDescription {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (error) {
    throw new HeadwaterError("CERTIFICATE_INVALID", `${where} holds no certificate that can be read.`, {
      hint: "Expected PEM: -----BEGIN CERTIFICATE-----, and the key in the same or another file.",
      cause: error,
    });
  }
  return {
    pem: certificate.toString(),
    names: namesOf(certificate),
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    // Not checkIssued: it wants the key usage of a CA, which this certificate does not have.
    isSelfSigned: certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey),
  };
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** DNS names in the order given, then addresses; each once. Throws NAME_INVALID. */
function orderNames(names: readonly string[]): string[] {
  const dns = new Set<string>();
  const addresses = new Set<string>();
  for (const name of names) {
    if (isIP(name) !== 0) addresses.add(isIPv6(name) ? canonicalIPv6(name) : name);
    else if (/^(?=.{1,253}$)(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/i.test(name))
      dns.add(name.toLowerCase());
    else {
      const message = `${JSON.stringify(name)} cannot be a name in a certificate: expected a DNS name or an IP address.`;
      throw new HeadwaterError("NAME_INVALID", message, {
        hint: "Write names outside ASCII as xn--..., and no port, scheme or asterisk.",
      });
    }
  }
  return [...dns, ...addresses];
}

function canonicalIPv6(address: string): string {
  return new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
}

function namesOf({ subjectAltName }: X509Certificate): string[] {
  const names = (subjectAltName ?? "").split(", ").flatMap((entry) => {
    const match = /^(?:DNS|IP Address):(.+)$/.exec(entry);
    const name = match?.[1];
    if (name === undefined) return [];
    return [isIPv6(name) ? canonicalIPv6(name) : name];
  });
  return [...names.filter((name) => isIP(name) === 0), ...names.filter((name) => isIP(name) !== 0)];
}

async function keysOf(pem: string, where: string): Promise<CryptoKeyPair> {
  try {
    const der = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
    const spki = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
    return {
      privateKey: await webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, true, ["sign"]),
      publicKey: await webcrypto.subtle.importKey("spki", spki, ALGORITHM, true, ["verify"]),
    };
  } catch (error) {
    throw new HeadwaterError("CERTIFICATE_INVALID", `The key in ${where} cannot be used.`, {
      hint: "Expected an unencrypted EC key on P-256, as this program makes it.",
      cause: error,
    });
  }
}

type CryptoKeyPair = webcrypto.CryptoKeyPair;

/** Self-signed, for ten years, for TLS servers only and not able to issue others: what LXD and Incus make for themselves. */
async function issue(keys: CryptoKeyPair, names: readonly string[], subject: string): Promise<string> {
  // Loaded here, so that commands without certificates start without it; x509 needs the metadata first.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const now = Date.now();
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + YEARS);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: `01${randomBytes(15).toString("hex")}`,
    name: subject,
    // Clocks of clients run late now and then.
    notBefore: new Date(now - 24 * 3600 * 1000),
    notAfter,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
      ),
    ],
  });
  const key = x509.PemConverter.encode(
    await webcrypto.subtle.exportKey("pkcs8", keys.privateKey),
    "PRIVATE KEY",
  );
  return `${certificate.toString("pem").trimEnd()}\n${key.trimEnd()}\n`;
}

async function readPem(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new HeadwaterError("FILE_UNREADABLE", `Cannot read the certificate ${file}.`, { cause: error });
  }
}

/**
 * A reader sees the old file or the new one; nobody but the owner ever sees the key. `isNew`: of several processes that start at once one makes
 * the certificate, and the others' is dropped.
 */
async function writeAtomically(folder: string, text: string, isNew: boolean): Promise<void> {
  const file = join(folder, CERTIFICATE_FILE);
  const temporary = join(folder, `.${CERTIFICATE_FILE}.${randomBytes(6).toString("hex")}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeDurably(temporary, text);
    if (isNew) await link(temporary, file);
    else await rename(temporary, file);
    const directory = await open(folder, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    const errno = error instanceof Error && "code" in error ? error.code : undefined;
    if (errno === "EEXIST" && isNew) return;
    const why = error instanceof Error ? error.message : String(error);
    throw new HeadwaterError(
      errno === "ENOSPC" || errno === "EDQUOT" ? "STORE_FULL" : "STORE_UNUSABLE",
      `Cannot write the certificate ${file}: ${why}.`,
      { hint: "The user that serves must be able to write to that folder, once.", cause: error },
    );
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

import { randomBytes, webcrypto } from "node:crypto";
import { chmod, lstat, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { HeadwaterError } from "../../error.ts";
import type { HttpsAddress } from "./address.ts";
import type { ClientIdentity } from "./trust.ts";

/**
 * What is kept about one remote daemon: the certificate that was accepted, and who we are there. A folder for each, for its owner alone, files
 * 0600: `server.crt`, `client.crt`, `client.key`.
 */
export class RemoteIdentity {
  readonly #parent: string;
  readonly #folder: string;
  readonly #onWritten: ((path: string) => void) | undefined;

  /** @param parent folder of all of them */
  constructor(parent: string, { url }: HttpsAddress, onWritten?: (path: string) => void) {
    this.#parent = parent;
    this.#onWritten = onWritten;
    const { hostname: host, port } = new URL(url);
    this.#folder = join(parent, `${host.replace(/[^a-z0-9.-]/gi, "_")}_${port === "" ? "443" : port}`);
  }

  /** PEM of the certificate that was accepted, if one was. */
  pinned(): Promise<string | undefined> {
    return this.#read("server.crt");
  }

  async pin(pem: string): Promise<void> {
    await this.#write("server.crt", pem);
  }

  async client(): Promise<ClientIdentity | undefined> {
    const certificate = await this.#read("client.crt");
    const key = await this.#read("client.key");
    return certificate === undefined || key === undefined ? undefined : { certificate, key };
  }

  async keepClient({ certificate, key }: ClientIdentity): Promise<void> {
    await this.#write("client.key", key);
    await this.#write("client.crt", certificate);
  }

  async #read(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#folder, name), "utf8");
    } catch (cause) {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
      throw new HeadwaterError("FILE_UNREADABLE", `cannot read ${join(this.#folder, name)}`, { cause });
    }
  }

  async #write(name: string, text: string): Promise<void> {
    for (const folder of [this.#parent, this.#folder]) await this.#ensure(folder);
    const file = join(this.#folder, name);
    const next = `${file}.${randomBytes(4).toString("hex")}.new`;
    await writeFile(next, text, { mode: 0o600, flag: "wx" });
    // Whatever the umask is.
    await chmod(next, 0o600);
    await rename(next, file);
    this.#onWritten?.(file);
  }

  /** A folder that is one: whoever owns the store must not lead a key of root's elsewhere. */
  async #ensure(folder: string): Promise<void> {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (made !== undefined) this.#onWritten?.(folder);
    if ((await lstat(folder)).isDirectory()) return;
    throw new HeadwaterError("FILE_UNREADABLE", `${folder} is a link, expected a folder`, {
      hint: "Remove the link; keys are kept in the store itself.",
    });
  }
}

const YEARS = 10;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" };

/** A new key, and a certificate for it that daemons take for a client's, as their own command lines make theirs. */
export async function makeClientIdentity(): Promise<ClientIdentity> {
  // x509 needs the metadata first; both are loaded here, since few commands make certificates.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const now = new Date();
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + YEARS);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: `01${randomBytes(15).toString("hex")}`,
    name: `CN=headwater@${hostname().replace(/[^A-Za-z0-9.-]/g, "-")}, O=Headwater`,
    // Clocks of daemons run late now and then.
    notBefore: new Date(now.getTime() - 24 * 3600 * 1000),
    notAfter,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ],
  });
  const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate: `${certificate.toString("pem").trimEnd()}\n`,
    key: `${x509.PemConverter.encode(key, "PRIVATE KEY").trimEnd()}\n`,
  };
}

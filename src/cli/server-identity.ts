import { hostname } from "node:os";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";
import { CERTIFICATE_FILE } from "../server/certificate.ts";
import type { CertificateFiles } from "../server/certificate-source.ts";

/** The folder of the store's own certificate. */
export function tlsFolder(data: string): string {
  return join(data, "tls");
}

/** The certificate files in use: the configured ones, else the store's own. */
export function certificateFiles(config: Config, data: string): CertificateFiles {
  const own = join(tlsFolder(data), CERTIFICATE_FILE);
  return { certificate: config.certificate?.file ?? own, key: config.certificate?.key ?? own };
}

/** Names for a new certificate, the one that clients use first. */
export function wantedNames(config: Config): string[] {
  const host = config.url === undefined ? [] : [new URL(config.url).hostname.replace(/^\[|\]$/g, "")];
  return [...host, ...config.names, hostname().toLowerCase()];
}

/** The address to print: the configured one, else the certificate's first name with the port of a TLS listener. */
export function clientUrl(
  config: Pick<Config, "url">,
  names: readonly string[],
  listeners: readonly { readonly port: number; readonly kind: string }[],
): string | undefined {
  if (config.url !== undefined) return config.url;
  const port = listeners.find(({ kind }) => kind === "tls")?.port;
  const [name] = names;
  if (port === undefined || name === undefined) return undefined;
  return `https://${name}${port === 443 ? "" : `:${port}`}`;
}

import { isIPv4, isIPv6 } from "node:net";
import { HeadwaterError } from "../error.ts";

/** Where to listen, and for what. */
export interface ListenAddress {
  /** A host name or an address without brackets; undefined means every address of this machine, IPv4 and IPv6. */
  readonly host: string | undefined;
  readonly port: number;
  /** `tls`: TLS and plain HTTP on one port, told apart by the first byte. `proxied`: all in clear, for a TLS proxy. */
  readonly kind: "tls" | "proxied";
}

/** Reads `:8443`, `0.0.0.0:8443`, `[::1]:8443`, `images.example:8443`, `http://127.0.0.1:8080`. Port 0 takes a free one. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(http:\/\/)?(?:\[([^\]]*)\]|([A-Za-z0-9._-]*)):([0-9]{1,5})\/?$/.exec(text);
  const [, plain, six, name] = match ?? [];
  const port = Number(match?.[4]);
  if (match === null || port > 65_535 || (six !== undefined && !isIPv6(six))) {
    throw new HeadwaterError(
      "CONFIG_INVALID",
      `"${text}" is not an address to listen on: expected HOST:PORT`,
      {
        hint: "Such as :8443 (everywhere), 192.0.2.7:8443, [2001:db8::7]:8443, or http://127.0.0.1:8080 behind a TLS proxy.",
        details: { address: text },
      },
    );
  }
  const host = six ?? name ?? "";
  return { host: host === "" ? undefined : host, port, kind: plain === undefined ? "tls" : "proxied" };
}

/** Whether only this machine can reach it. */
export function isLoopback(host: string | undefined): boolean {
  if (host === undefined) return false;
  return (
    host === "localhost" ||
    (isIPv4(host) && host.startsWith("127.")) ||
    (isIPv6(host) && new URL(`http://[${host}]`).hostname === "[::1]")
  );
}

/** As `--listen` takes it. */
export function formatListenAddress(
  address: Omit<ListenAddress, "kind"> & { readonly kind: string },
): string {
  const { host, port, kind } = address;
  const name = host !== undefined && isIPv6(host) ? `[${host}]` : (host ?? "");
  return `${kind === "proxied" ? "http://" : ""}${name}:${port}`;
}

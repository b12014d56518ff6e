import { isIPv4, isIPv6 } from "node:net";
import { HeadwaterError } from "../error.ts";

/** Where to listen, and for what. */
export interface ListenAddress {
  /** Undefined: every address of this machine, IPv4 and IPv6. */
  readonly host: string | undefined;
  readonly port: number;
  /** `tls`: TLS, and plain HTTP as far as clients need it there. `proxied`: everything in clear, for a TLS proxy on this machine. */
  readonly kind: "tls" | "proxied";
}

/** `HOST:PORT`, `[::1]:8443`, `:8443`, `http://127.0.0.1:8080`. Throws USAGE. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?<plain>http:\/\/)?(?:\[(?<six>[^\]]*)\]|(?<host>[^:/[\]]*)):(?<port>\d{1,5})\/?$/.exec(
    text,
  );
  const { plain, six, host, port } = match?.groups ?? {};
  const number = Number(port);
  const isHost = six === undefined ? /^[A-Za-z0-9._-]*$/.test(host ?? "") : isIPv6(six);
  if (match === null || number > 65_535 || !isHost) {
    const message = `Cannot listen on ${JSON.stringify(text)}: expected HOST:PORT, [IPV6]:PORT, :PORT or http://HOST:PORT.`;
    throw new HeadwaterError("USAGE", message, {
      hint: "For example --listen :8443, or --listen http://127.0.0.1:8080 behind a TLS proxy.",
    });
  }
  const name = six ?? host ?? "";
  return {
    host: name === "" ? undefined : name,
    port: number,
    kind: plain === undefined ? "tls" : "proxied",
  };
}

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

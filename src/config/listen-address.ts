import { HeadwaterError } from "../error.ts";

/** Where to listen. */
export interface ListenAddress {
  /** `https`: TLS and plain HTTP on one port, told apart by the first byte. `http`: a full listener for a TLS proxy. */
  readonly scheme: "https" | "http";
  /** A host name or an address without brackets; undefined means every address of this machine, IPv4 and IPv6. */
  readonly host: string | undefined;
  readonly port: number;
}

/** Reads `:8443`, `0.0.0.0:8443`, `[::1]:8443`, `images.example:8443`, `http://127.0.0.1:8080`. Port 0 takes a free one. */
export function parseListenAddress(text: string): ListenAddress {
  const match =
    /^(?:(https?):\/\/)?(?:\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?)\]|([A-Za-z0-9._-]*)):([0-9]{1,5})$/.exec(
      text,
    );
  const port = Number(match?.[4]);
  if (match === null || port > 65_535) {
    throw new HeadwaterError(
      "CONFIG_INVALID",
      `"${text}" is not an address to listen on: expected HOST:PORT`,
      {
        hint: "Such as :8443 (everywhere), 192.0.2.7:8443, [2001:db8::7]:8443, or http://127.0.0.1:8080 behind a TLS proxy.",
        details: { address: text },
      },
    );
  }
  const host = match[2] ?? match[3];
  return {
    scheme: match[1] === "http" ? "http" : "https",
    host: host === undefined || host === "" || host === "*" ? undefined : host,
    port,
  };
}

import { HeadwaterError } from "../../error.ts";
import type { Family } from "../../simplestreams/client-profile.ts";

/** Where a daemon is. */
export type DaemonAddress = SocketAddress | HttpsAddress;

export interface SocketAddress {
  readonly kind: "socket";
  readonly path: string;
}

export interface HttpsAddress {
  readonly kind: "https";
  /** `https://host:port`, nothing else. */
  readonly url: string;
}

/** What a person named: one of the local daemons by its family, or an address. */
export type DaemonReference = { readonly kind: "local"; readonly family: Family } | DaemonAddress;

/** Both daemons, and both command lines where none is said. */
const DEFAULT_PORT = 8443;

/** `incus:`, `lxd:`, `https://10.0.0.5:8443`, `unix:/run/incus/unix.socket`. Throws USAGE. */
export function parseDaemonReference(text: string): DaemonReference {
  const word = text.replace(/:$/, "");
  if (word === "incus" || word === "lxd") return { kind: "local", family: word };
  const path = /^(?:unix:)?(?:\/\/)?(\/.+)$/.exec(text)?.[1];
  if (path !== undefined) return { kind: "socket", path };
  const url = text.startsWith("https://") && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && url.username === "" && url.password === "" && /^\/?$/.test(url.pathname)) {
    // The URL class drops a port that is the scheme's own; both command lines take 8443 where none is written.
    const port = /:(\d+)\/?$/.exec(text)?.[1] ?? DEFAULT_PORT;
    return { kind: "https", url: `https://${url.hostname}:${port}` };
  }
  throw new HeadwaterError("USAGE", `"${text}" names no daemon`, {
    hint: "Use incus:, lxd:, https://HOST:PORT, or unix:/path/to/unix.socket.",
    details: { daemon: text },
  });
}

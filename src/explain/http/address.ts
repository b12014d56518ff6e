import { isIP } from "node:net";
import { posix } from "node:path";
import { HeadwaterError } from "../../error.ts";
import { printable } from "../../simplestreams/printable.ts";

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Where a tree is, and how to ask there. */
export interface ServerAddress {
  /** Without user and password; a query stays, since the clients keep it in each request. */
  readonly base: URL;
  readonly authorization: string | undefined;
  /** Where the clients try plain HTTP: they change the scheme and nothing else, so that a port stays only when it is written. */
  readonly plainPort: number;
}

/** @throws USAGE for what is no address of a server; the message never holds it, since it may hold a password. */
export function parseServerAddress(text: string, given?: Credentials): ServerAddress {
  const base = URL.canParse(text) ? new URL(text) : undefined;
  if (base === undefined || !isWeb(base)) {
    throw new HeadwaterError("USAGE", "that is not the address of a server", {
      hint: "Expected an address such as https://images.example.",
    });
  }
  const own = credentialsIn(base);
  const credentials = given ?? own;
  base.hash = "";
  return {
    base,
    authorization: credentials === undefined ? undefined : basic(credentials),
    plainPort: Number(writtenPort(text) ?? 80),
  };
}

/** Takes user and password out of a URL. */
export function credentialsIn(url: URL): Credentials | undefined {
  const { username, password } = url;
  url.username = "";
  url.password = "";
  if (username === "" && password === "") return undefined;
  return { user: unescaped(username), password: unescaped(password) };
}

export function basic({ user, password }: Credentials): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

export function isWeb(url: URL): boolean {
  return url.protocol === "https:" || url.protocol === "http:";
}

/**
 * Base and path as the clients join them (Incus and LXD, client/simplestreams_images.go and shared/simplestreams): the base less one `/` at
 * its end, then the path; `//`, `.` and `..` are resolved, also above the base. A `%` in a path means itself, as it does for LXD; Incus takes
 * `%20` for a space.
 */
export function locate(base: URL, path: string): URL {
  const url = new URL(base);
  url.pathname = posix.normalize(`${base.pathname.replace(/\/$/, "")}/${escaped(path)}`);
  return url;
}

/** What Go escapes in a path (net/url, EscapedPath): everything but these. `+` stays, which matters to some object stores. */
function escaped(path: string): string {
  return Array.from(Buffer.from(path, "utf8"), (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9\-_.~$&+,/:;=@!'()*]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

/** For a person: no user, no password, and no values of a query, where others keep their keys. */
export function shownUrl(url: URL): string {
  const path = url.pathname === "/" ? "/" : url.pathname;
  return printable(`${url.origin}${path}${url.search === "" ? "" : "?…"}`.slice(0, 2000));
}

/** The host as certificates and sockets want it: IPv6 without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

export function portOf(url: URL): number {
  return Number(url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port);
}

/** For TLS: addresses are not names to ask for. */
export function serverName(host: string): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

/** `URL` forgets a port that is the scheme's own, and the clients do not. */
function writtenPort(text: string): string | undefined {
  return /^\s*[a-z]+:\/\/(?:[^/?#]*@)?(?:\[[^\]/?#]*\]|[^/?#:]*):(\d{1,5})(?=[/?#]|\s*$)/i.exec(text)?.[1];
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

import { HeadwaterError } from "../error.ts";
import { hostOf, isLoopbackHost } from "./addresses.ts";

/**
 * The proxy for a URL by the usual variables, `HTTPS_PROXY` or `HTTP_PROXY` by its scheme, and `NO_PROXY`, in either case; undefined for
 * none. Throws CONFIG_INVALID.
 */
export function proxyFor(
  url: URL,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const variable = VARIABLES.get(url.protocol);
  if (variable === undefined) return undefined;
  const proxy = environment[variable.toLowerCase()] ?? environment[variable] ?? "";
  if (proxy === "" || isLoopbackHost(hostOf(url))) return undefined;
  const spared = (environment["no_proxy"] ?? environment["NO_PROXY"] ?? "").split(",");
  if (spared.some((entry) => isSpared(url, entry.trim().toLowerCase()))) return undefined;
  // Without a scheme, as many write it, it is one for http.
  const address = proxy.includes("://") ? proxy : `http://${proxy}`;
  const scheme = URL.canParse(address) ? new URL(address).protocol : "";
  if (/^https?:$/.test(scheme)) return address;
  const isSocks = /^socks\w*:$/.test(scheme);
  // Not repeated: it may hold a password.
  throw new HeadwaterError(
    "CONFIG_INVALID",
    isSocks
      ? `${variable} names a SOCKS proxy, and Headwater speaks to HTTP proxies only.`
      : `${variable} is not the address of a proxy.`,
    { hint: "Expected an address such as http://proxy.example:3128." },
  );
}

const VARIABLES: ReadonlyMap<string, string> = new Map([
  ["https:", "HTTPS_PROXY"],
  ["http:", "HTTP_PROXY"],
]);

/** `*`, a host, or a domain with or without a dot before it; with a port it counts for that port only. */
function isSpared(url: URL, entry: string): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  const [, name = "", port] = /^\.?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  const own = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  if (port !== undefined && port !== own) return false;
  return url.hostname === name || url.hostname.endsWith(`.${name}`);
}

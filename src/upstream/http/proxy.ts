import { HeadwaterError } from "../../error.ts";
import { hostOf, isLoopbackHost } from "./addresses.ts";

/** The proxy for a URL by the usual variables, `HTTPS_PROXY` and `NO_PROXY` in either case; undefined for none. Throws CONFIG_INVALID. */
export function proxyFor(
  url: URL,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  if (url.protocol !== "https:") return undefined;
  const proxy = environment["https_proxy"] ?? environment["HTTPS_PROXY"] ?? "";
  if (proxy === "" || isLoopbackHost(hostOf(url))) return undefined;
  const spared = (environment["no_proxy"] ?? environment["NO_PROXY"] ?? "").split(",");
  if (spared.some((entry) => isSpared(url, entry.trim().toLowerCase()))) return undefined;
  if (URL.canParse(proxy) && /^https?:$/.test(new URL(proxy).protocol)) return proxy;
  // Not repeated: it may hold a password.
  throw new HeadwaterError("CONFIG_INVALID", "HTTPS_PROXY is not the address of a proxy.", {
    hint: "Expected an address such as http://proxy.example:3128.",
  });
}

/** `*`, a host, or a domain with or without a dot before it; with a port it counts for that port only. */
function isSpared(url: URL, entry: string): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  const [, name = "", port] = /^\.?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (port !== undefined && port !== (url.port === "" ? "443" : url.port)) return false;
  return url.hostname === name || url.hostname.endsWith(`.${name}`);
}

import type { IncomingMessage } from "node:http";
import { kernelArchitecture } from "../../simplestreams/architectures.ts";

/** A request of the image API. */
export interface ApiRequest {
  /** What follows `/1.0`, decoded: `["images", "aliases", "debian/12"]`. */
  readonly segments: readonly string[];
  /** Whether lists are asked for with what they list. */
  readonly recursion: boolean;
  /** Kernel name of the client's machine, when it says so. */
  readonly architecture: string | undefined;
}

/** What an image API request asks for; undefined for any other. Parameters such as `project` and `filter` mean nothing here. */
export function apiRequest({ url = "", headers }: IncomingMessage): ApiRequest | undefined {
  const match = /^(?:https?:\/\/[^/]*)?\/1\.0(\/[^?#]*)?(?:\?([^#]*))?(?:#.*)?$/i.exec(url);
  if (match === null) return undefined;
  const [, path = "", query = ""] = match;
  const recursion = new URLSearchParams(query).get("recursion") ?? "0";
  return {
    segments: segmentsOf(path),
    recursion: recursion !== "" && recursion !== "0",
    architecture: architectureIn(headers["user-agent"]),
  };
}

/**
 * Command lines write the slash of an alias as `%2F` (client/incus_images.go, client/lxd_images.go), and a proxy may have written it back: what
 * follows `aliases/` is one name in both cases.
 */
function segmentsOf(path: string): string[] {
  const raw = path.split("/").filter((part) => part !== "");
  const parts =
    raw[0] === "images" && raw[1] === "aliases" ? [...raw.slice(0, 2), raw.slice(2).join("/")] : raw;
  return parts.filter((part) => part !== "").map(decoded);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // No alias has such a name, and no fingerprint.
    return text;
  }
}

/** `Incus 6.0.4 (Linux; x86_64; 6.1.0; Debian GNU/Linux; 12)`, `LXD 5.0.2 (Linux; aarch64; ...)`: version/useragent.go of both. */
function architectureIn(agent: string | undefined): string | undefined {
  const name = /^(?:Incus|LXD) [^(]{0,64}\([^;)]{1,32}; ([A-Za-z0-9_]{1,32})[;)]/.exec(agent ?? "")?.[1];
  return name === undefined ? undefined : kernelArchitecture(name);
}

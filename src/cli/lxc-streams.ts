import type { Config } from "../config/schema.ts";
import { OWN_STREAM } from "../views/image-stream.ts";

/** The image streams whose builds LXC is to have. */
export function lxcStreams({ lxc, upstreams }: Config): ReadonlySet<string> {
  const mirrors = Object.entries(upstreams).filter(([, settings]) => settings.lxc);
  const named = typeof lxc === "boolean" ? (lxc ? [OWN_STREAM] : []) : lxc;
  return new Set([...named, ...mirrors.map(([name]) => name)]);
}

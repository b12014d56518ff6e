import { isIP } from "node:net";
import type { StreamRecord } from "../store/generation.ts";

/**
 * What goes over plain HTTP on a port that also speaks TLS: `upstream` sends files of image streams that are public
 * elsewhere, `all` every image file, `off` nothing. Documents never do.
 */
export type PlainPolicy = "upstream" | "all" | "off";

export function mayGoInClear(policy: PlainPolicy, stream: StreamRecord | undefined): boolean {
  if (policy === "upstream") return stream?.upstream?.isPublic === true;
  return policy === "all";
}

/**
 * Where a document asked for over plain HTTP is to be had: at the address the operator gave, else at the host that was
 * asked for if that name is ours. Clients follow any redirect, for ever, so nothing is built from another Host.
 */
export function redirectTarget(
  target: string,
  host: string | undefined,
  ours: { readonly url: string | undefined; readonly names: readonly string[] },
): string | undefined {
  const path = target.startsWith("/") ? target.replace(/^\/+/, "/") : "/";
  if (ours.url !== undefined) return `${ours.url.replace(/\/+$/, "")}${path}`;
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.exec(host ?? "");
  const name = match?.[1]?.toLowerCase().replace(/^\[|\]$/g, "");
  if (name === undefined || !ours.names.some((own) => sameName(own, name))) return undefined;
  return `https://${match?.[0] ?? ""}${path}`;
}

function sameName(own: string, asked: string): boolean {
  if (isIP(own) !== 6 || isIP(asked) !== 6) return own.toLowerCase() === asked;
  return canonicalAddress(own) === canonicalAddress(asked);
}

function canonicalAddress(address: string): string {
  return new URL(`http://[${address}]/`).hostname;
}

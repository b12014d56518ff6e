import { PRESETS } from "../config/presets.ts";

/** Options of `upstream add` and `upstream set`. */
export interface UpstreamWishes {
  readonly mode?: string;
  readonly select?: string;
  readonly keep?: number;
  readonly keepDropped?: string;
  readonly aliasPrefix?: string;
  readonly twins?: boolean;
  readonly lxc?: boolean;
  readonly offline?: boolean;
  readonly every?: string;
  readonly signatures?: string;
  readonly keyring?: string;
  readonly ca?: string;
  readonly credentials?: string;
  readonly alternate?: readonly string[];
  readonly allowRedirect?: readonly string[];
  readonly bandwidth?: string;
  readonly parallel?: number;
  readonly maxSize?: string;
}

const KEYS = [
  "mode",
  "select",
  "keep",
  "keepDropped",
  "aliasPrefix",
  "twins",
  "lxc",
  "offline",
  "every",
  "signatures",
  "keyring",
  "ca",
  "credentials",
  "allowRedirect",
  "bandwidth",
  "parallel",
  "maxSize",
] as const;

/** The wishes as `headwater.yaml` has them: its keys, and only what was asked for. */
export function settingsOf(wishes: UpstreamWishes): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const key of KEYS) if (wishes[key] !== undefined) settings[key] = wishes[key];
  if (wishes.alternate !== undefined) settings["alternates"] = wishes.alternate;
  return settings;
}

/** Name and address of what `upstream add` was given. A user and a password in an address become credentials. */
export function addressOf(target: string): {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
} {
  if (PRESETS.has(target)) return { name: target, settings: { preset: target } };
  const url = URL.canParse(target) ? new URL(target) : undefined;
  if (url === undefined) return { name: target, settings: { url: target } };
  const credentials =
    url.username === ""
      ? {}
      : { credentials: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` };
  url.username = "";
  url.password = "";
  const name = url.hostname.replace(/^(?:www|images?)\./, "").split(".")[0] ?? "";
  return {
    name: name.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-"),
    settings: { url: url.href.replace(/\/$/, ""), ...credentials },
  };
}

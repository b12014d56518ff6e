import { readFile } from "node:fs/promises";
import { PRESETS } from "../config/presets.ts";
import type { Config } from "../config/schema.ts";
import type { UpstreamSettings } from "../config/upstream-schema.ts";
import { HeadwaterError } from "../error.ts";
import type { StreamPolicy } from "../intake/sync/stream-policy.ts";
import { parseSelection } from "../simplestreams/selection.ts";
import { retentionPolicy } from "./retention-settings.ts";
import type { UpstreamOptions } from "../upstream/upstream-options.ts";

const MINUTE_MS = 60_000;

/** An upstream ready for use: what is wanted of it, and how it is reached. */
export interface ConfiguredUpstream {
  readonly policy: StreamPolicy;
  readonly options: UpstreamOptions;
  /** Between two syncs of a running server. */
  readonly everyMs: number;
  /** Bytes that a cache may hold. */
  readonly maxSize: number | undefined;
  /** What an operator should know. */
  readonly remark: string | undefined;
}

/** All upstreams of a configuration, in their order. Reads keyrings and certificates. */
export async function configuredUpstreams(config: Config): Promise<ConfiguredUpstream[]> {
  return Promise.all(
    Object.entries(config.upstreams).map(([name, settings]) => configuredUpstream(name, settings, config)),
  );
}

/** Throws FILE_UNREADABLE for a keyring or a certificate that is not there, USAGE for a selection that cannot be read. */
export async function configuredUpstream(
  name: string,
  settings: UpstreamSettings,
  config: Pick<Config, "retention"> = {},
): Promise<ConfiguredUpstream> {
  const preset = PRESETS.get(settings.preset ?? "");
  const url = settings.url ?? preset?.url ?? "";
  const keyring = settings.keyring === undefined ? undefined : await readOf(settings.keyring, "keyring");
  const policy: StreamPolicy = {
    name,
    url,
    mode: settings.mode,
    isPublic: settings.credentials === undefined,
    aliasPrefix: settings.aliasPrefix,
    twins: settings.twins ?? preset?.twins ?? true,
    offline: settings.offline,
    signatures: settings.signatures ?? (keyring === undefined ? "off" : "required"),
    parallel: settings.parallel,
    believeOlderAfterMs: settings.believeOlderAfter,
    ...(settings.select === undefined
      ? {}
      : { select: parseSelection(settings.select), selectText: settings.select }),
    retention: retentionPolicy({ ...config, upstreams: { [name]: settings } }),
    ...(settings.keepDropped === undefined ? {} : { keepDroppedMs: settings.keepDropped }),
    ...(keyring === undefined ? {} : { keyring }),
  };
  return {
    policy,
    options: { url, ...(await connectionOptions(settings)) },
    everyMs: settings.every ?? (settings.mode === "mirror" ? 60 : 15) * MINUTE_MS,
    maxSize: settings.maxSize,
    remark: preset?.remark,
  };
}

async function connectionOptions(settings: UpstreamSettings): Promise<Omit<UpstreamOptions, "url">> {
  const { alternates, allowRedirect, bandwidth, credentials = "" } = settings;
  const colon = credentials.indexOf(":");
  return {
    alternates,
    allowRedirect,
    ...(bandwidth === undefined ? {} : { bandwidth }),
    ...(colon === -1
      ? {}
      : { credentials: { user: credentials.slice(0, colon), password: credentials.slice(colon + 1) } }),
    ...(settings.ca === undefined
      ? {}
      : { ca: String(Buffer.from(await readOf(settings.ca, "certificate"))) }),
  };
}

async function readOf(file: string, what: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new HeadwaterError("FILE_UNREADABLE", `the ${what} ${file} of an upstream cannot be read`, {
      hint: "Check that it is there, and who may read it.",
      details: { file },
      cause,
    });
  }
}

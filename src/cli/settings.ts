import { dirname, join, resolve } from "node:path";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { GlobalOptions } from "./context.ts";
import { dataFolder } from "./data-folder.ts";
import type { Io } from "./io.ts";

export interface Settings {
  readonly config: Config;
  /** The file they are in, or would be in. */
  readonly file: string;
}

/** The configuration of the store the options mean: its file, then the environment, then these flags. */
export async function readSettings(
  io: Io,
  options: GlobalOptions,
  flags: Readonly<Record<string, unknown>> = {},
): Promise<Settings> {
  const isRequired = options.config !== undefined;
  const file = isRequired
    ? resolve(io.cwd, options.config ?? "")
    : join(dataFolder(io, options), "headwater.yaml");
  const config = await loadConfig({ file, isRequired, environment: io.env, flags });
  return { config: withAbsolutePaths(config, dirname(file)), file };
}

/** Paths in the file are relative to the file, wherever a command is run. */
function withAbsolutePaths(config: Config, folder: string): Config {
  const { certificate, bundles, signing } = config;
  const { gpgHome, passphraseFile } = signing;
  return {
    ...config,
    ...(certificate === undefined
      ? {}
      : { certificate: { file: resolve(folder, certificate.file), key: resolve(folder, certificate.key) } }),
    ...(bundles === undefined ? {} : { bundles: { keyring: resolve(folder, bundles.keyring) } }),
    signing: {
      ...signing,
      ...(gpgHome === undefined ? {} : { gpgHome: resolve(folder, gpgHome) }),
      ...(passphraseFile === undefined ? {} : { passphraseFile: resolve(folder, passphraseFile) }),
    },
  };
}

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { HeadwaterError } from "../error.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { readSettings } from "./settings.ts";

export interface TrustOptions extends GlobalOptions {
  readonly keyring?: string;
  readonly allowUntrusted?: boolean;
}

/** Whom to believe about a bundle: the option before the configuration. Throws FILE_UNREADABLE. */
export async function trustOf(
  io: Io,
  options: TrustOptions,
): Promise<{ readonly keyring: Uint8Array | undefined; readonly allowUntrusted: boolean }> {
  const { config } = await readSettings(io, options);
  const file = options.keyring === undefined ? config.bundles?.keyring : resolve(io.cwd, options.keyring);
  const keyring = file === undefined ? undefined : await readKeyring(file);
  return { keyring, allowUntrusted: options.allowUntrusted === true };
}

async function readKeyring(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new HeadwaterError("FILE_UNREADABLE", `the keyring ${file} cannot be read`, {
      hint: "Check that it is there, and who may read it.",
      details: { file },
      cause,
    });
  }
}

import type { Signing } from "../compose.ts";
import type { Config } from "../config/schema.ts";
import type { Passphrase } from "../signing/key-signer.ts";
import { passphraseFrom } from "../signing/passphrase.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { readSettings } from "./settings.ts";

/** Who signs what a command publishes. */
export async function signingOf(io: Io, options: GlobalOptions): Promise<Signing> {
  if (options.sign === false) return "off";
  const { config } = await readSettings(io, options);
  const { gpg, gpgHome } = config.signing;
  return {
    gpg: gpg === undefined ? undefined : { fingerprint: gpg, home: gpgHome },
    passphrase: passphraseOf(io, config),
  };
}

/** What unlocks a key in a file; never from the command line, which every user of the machine can read. */
export function passphraseOf(io: Io, { signing }: Config): Passphrase {
  return passphraseFrom({
    file: signing.passphraseFile,
    variable: io.env["HEADWATER_SIGNING_PASSPHRASE"],
  });
}

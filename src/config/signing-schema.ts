import { z } from "zod";
import { HeadwaterError } from "../error.ts";
import { parsedBy } from "./parsed-by.ts";

/** How what is published is signed, where that is not with an unprotected key of the store's folder. */
export const signingSchema = z.strictObject({
  gpg: parsedBy(parseFingerprint).optional(),
  gpgHome: z.string().min(1).optional(),
  passphraseFile: z.string().min(1).optional(),
});

/** As gpg prints it, with spaces or without. Shorter identifiers can be forged. */
function parseFingerprint(text: string): string {
  const fingerprint = text.replace(/^0x/, "").replaceAll(" ", "").toUpperCase();
  if (/^[0-9A-F]{40}$/.test(fingerprint)) return fingerprint;
  throw new HeadwaterError(
    "CONFIG_INVALID",
    "expected the fingerprint of a key: 40 hexadecimal digits, as `gpg --list-secret-keys` prints it",
  );
}

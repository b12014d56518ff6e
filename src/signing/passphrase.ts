import { HeadwaterError } from "../error.ts";
import type { Passphrase } from "./key-signer.ts";
import { BEYOND_GROUP, readPrivateFile } from "./private-file.ts";

/** The passphrase that a variable holds; else the one in a file, without the line feed that editors put at its end. */
export function passphraseFrom({
  file,
  variable,
}: {
  readonly file: string | undefined;
  readonly variable: string | undefined;
}): Passphrase {
  return async () => {
    if (variable !== undefined && variable !== "") return variable;
    if (file === undefined) return undefined;
    const bytes = await readPrivateFile(file, "the passphrase of the signing key", BEYOND_GROUP);
    const passphrase = new TextDecoder().decode(bytes).replace(/\r?\n$/, "");
    if (passphrase !== "") return passphrase;
    throw new HeadwaterError(
      "KEY_LOCKED",
      `The file ${file}, which holds the passphrase of the signing key, is empty.`,
    );
  };
}

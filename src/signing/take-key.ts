import type { KeyFolder, KeyOwner } from "./key-folder.ts";
import type { Passphrase } from "./key-signer.ts";
import {
  checkCanSign,
  describeKey,
  type KeyDescription,
  makeKey,
  type NewKey,
  readSecretKey,
  unlock,
} from "./openpgp-key.ts";
import { readPrivateFile } from "./private-file.ts";

export interface PlaceOptions {
  /** Whether the key that is in use may be replaced. */
  readonly replace: boolean;
  readonly owner?: KeyOwner | undefined;
}

/** Makes a key and puts it in use. Throws NAME_TAKEN, KEY_UNUSABLE. */
export async function takeNewKey(
  keys: KeyFolder,
  wishes: NewKey,
  options: PlaceOptions,
): Promise<KeyDescription> {
  const armoured = await makeKey(wishes);
  const key = await readSecretKey(new TextEncoder().encode(armoured), "the new key");
  const description = await describeKey(key);
  await keys.use(description.fingerprint, armoured, options);
  return description;
}

/**
 * Takes a key out of a file and puts it in use, when it can sign here and now: one that cannot changes nothing. It keeps its passphrase.
 * @throws NAME_TAKEN, KEY_UNUSABLE, KEY_LOCKED
 */
export async function importKey(
  keys: KeyFolder,
  file: string,
  options: PlaceOptions & { readonly passphrase: Passphrase; readonly dryRun: boolean },
): Promise<KeyDescription> {
  const key = await readSecretKey(await readPrivateFile(file, "the key"), file);
  await checkCanSign(key, file);
  if (!key.isDecrypted()) await unlock(key, await options.passphrase());
  const description = await describeKey(key);
  if (!options.dryRun) await keys.use(description.fingerprint, key.armor(), options);
  return description;
}

import type { Signer } from "../store/signer.ts";
import type { GpgKey } from "./gpg-program.ts";
import { GpgSigner } from "./gpg-signer.ts";
import type { KeyFolder } from "./key-folder.ts";
import { KeySigner, type Passphrase } from "./key-signer.ts";

export interface SigningOptions {
  /** A key that gpg has; it goes before one of the store's folder. */
  readonly gpg?: GpgKey | undefined;
  readonly passphrase: Passphrase;
}

/**
 * Says, each time it is asked, who signs now: what is put in the folder of keys while a server runs, signs its next publication.
 * Nothing is read of a key until something is signed. Throws KEY_UNUSABLE when the folder is damaged.
 */
export function signerSource(keys: KeyFolder, { gpg, passphrase }: SigningOptions): () => Signer | undefined {
  if (gpg !== undefined) {
    const signer = new GpgSigner(gpg);
    return () => signer;
  }
  let known: { readonly state: string; readonly signer: Signer } | undefined;
  return () => {
    const key = keys.current();
    if (key === undefined) return undefined;
    const state = `${key.fingerprint} ${key.state}`;
    if (known?.state !== state) known = { state, signer: new KeySigner(key, passphrase) };
    return known.signer;
  };
}

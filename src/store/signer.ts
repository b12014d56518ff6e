/** Signs with the site's OpenPGP key. Implementations are in `signing/`; a store carries the one that its publications are signed with. */
export interface Signer {
  /** Of the primary key: 40 hexadecimal digits, upper case. */
  readonly fingerprint: string;
  /** Cleartext-signed (`.sjson`): the text as a person reads it, with its signature. Throws KEY_LOCKED, KEY_UNUSABLE. */
  clearSign(text: string): Promise<string>;
  /** Detached and binary, as `.gpg` files are. Throws KEY_LOCKED, KEY_UNUSABLE. */
  sign(bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<Uint8Array>;
  /** Detached and armoured, as `.asc` files are. Throws KEY_LOCKED, KEY_UNUSABLE. */
  signArmored(bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<string>;
  /** The public key, armoured. */
  publicKey(): Promise<string>;
}

import type * as OpenPgp from "openpgp";
import { HeadwaterError } from "../error.ts";

/** What people are told about a key. Nothing of it is secret. */
export interface KeyDescription {
  /** Of the primary key: 40 hexadecimal digits, upper case. */
  readonly fingerprint: string;
  readonly userIds: readonly string[];
  /** Such as `ed25519` or `rsa4096`, of what signs. */
  readonly algorithm: string;
  readonly createdAt: Date;
  /** Undefined: never. */
  readonly expiresAt: Date | undefined;
  /** Whether a passphrase is needed to sign. */
  readonly isProtected: boolean;
}

export interface NewKey {
  /** Such as `images.example <images@example>`. */
  readonly userId: string;
  readonly kind: "ed25519" | "rsa4096";
  /** Seconds until it expires; 0: never. */
  readonly lifetime: number;
  readonly passphrase: string | undefined;
}

/** Loaded when a key is first needed: no other command should wait for it. */
async function openpgp(): Promise<typeof OpenPgp> {
  return import("openpgp");
}

/** Makes a key that signs and does nothing else, in the form that every GnuPG of the last years reads. Armoured. */
export async function makeKey({ userId, kind, lifetime, passphrase }: NewKey): Promise<string> {
  const { generateKey } = await openpgp();
  const { name, email } = partsOf(userId);
  const { privateKey } = await generateKey({
    ...(kind === "rsa4096" ? { type: "rsa", rsaBits: 4096 } : { type: "ecc", curve: "ed25519Legacy" }),
    userIDs: [{ name, ...(email === undefined ? {} : { email }) }],
    keyExpirationTime: lifetime,
    subkeys: [],
    ...(passphrase === undefined ? {} : { passphrase }),
    format: "armored",
  });
  return privateKey;
}

function partsOf(userId: string): { readonly name: string; readonly email?: string } {
  const [, name, email] = /^([^<>]*?)\s*<([^<>@\s]+@[^<>@\s]+)>$/.exec(userId) ?? [];
  return name === undefined || email === undefined ? { name: userId } : { name, email };
}

/**
 * Reads the one secret key in a file, armoured or binary.
 * @param place for messages: the file
 * @throws KEY_UNUSABLE
 */
export async function readSecretKey(bytes: Uint8Array, place: string): Promise<OpenPgp.PrivateKey> {
  const { readKeys } = await openpgp();
  const text = new TextDecoder().decode(bytes);
  const isArmoured = text.trimStart().startsWith("-----BEGIN PGP");
  let keys: OpenPgp.Key[];
  try {
    keys = isArmoured
      ? await readKeys({ armoredKeys: text.trimStart() })
      : await readKeys({ binaryKeys: bytes });
  } catch (cause) {
    throw unusable(
      `${place} holds no OpenPGP key that can be read.`,
      "Expected what `gpg --export-secret-keys --armor KEY` writes.",
      cause,
    );
  }
  const [key] = keys;
  if (keys.length !== 1 || key === undefined)
    throw unusable(`${place} holds ${keys.length} keys, expected one.`, "Export the one that signs alone.");
  if (!key.isPrivate())
    throw unusable(
      `${place} holds a public key alone, which cannot sign.`,
      "Expected what `gpg --export-secret-keys --armor KEY` writes.",
    );
  return key;
}

/** The part of a key that signs, now. Throws KEY_UNUSABLE: expired, revoked, made for something else, or its secret is elsewhere. */
export async function checkCanSign(key: OpenPgp.PrivateKey, place: string): Promise<void> {
  let signing: OpenPgp.PrivateKey | OpenPgp.Subkey;
  try {
    signing = await key.getSigningKey();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replace(/\.$/, "") : String(cause);
    throw unusable(
      `The key ${fingerprintOf(key)} in ${place} cannot sign: ${why}.`,
      "Import another key with `headwater key import`, or make one with `headwater key new`.",
      cause,
    );
  }
  const { keyPacket } = signing;
  // A primary key or a subkey whose secret part was left out of the export, or is on a card.
  if ("isDummy" in keyPacket && keyPacket.isDummy())
    throw unusable(
      `The secret part of the key ${fingerprintOf(key)} is not in ${place}.`,
      "Is it on a card? A gpg-agent can sign for Headwater: `signing:` with `gpg:` in headwater.yaml.",
    );
}

/** The same key without its protection. Throws KEY_LOCKED when the passphrase is missing or wrong. */
export async function unlock(
  key: OpenPgp.PrivateKey,
  passphrase: string | undefined,
): Promise<OpenPgp.PrivateKey> {
  if (key.isDecrypted()) return key;
  if (passphrase === undefined)
    throw locked(`The signing key ${fingerprintOf(key)} has a passphrase, and none was given.`);
  const { decryptKey } = await openpgp();
  try {
    return await decryptKey({ privateKey: key, passphrase });
  } catch {
    // Without a cause: nothing that was near the passphrase travels with an error.
    throw locked(`The passphrase of the signing key ${fingerprintOf(key)} is wrong.`);
  }
}

export async function describeKey(key: OpenPgp.PrivateKey): Promise<KeyDescription> {
  const expires = await key.getExpirationTime();
  const signing = await key.getSigningKey().catch(() => key);
  const { algorithm, bits, curve } = signing.getAlgorithmInfo();
  return {
    fingerprint: fingerprintOf(key),
    userIds: key.getUserIDs(),
    algorithm: bits === undefined ? (curve ?? algorithm).replace("Legacy", "") : `rsa${bits}`,
    createdAt: key.getCreationTime(),
    expiresAt: expires instanceof Date ? expires : undefined,
    isProtected: !key.isDecrypted(),
  };
}

export function fingerprintOf(key: OpenPgp.Key): string {
  return key.getFingerprint().toUpperCase();
}

function locked(message: string): HeadwaterError {
  return new HeadwaterError("KEY_LOCKED", message, {
    hint: "Set $HEADWATER_SIGNING_PASSPHRASE, or name a file in headwater.yaml: signing, passphraseFile. --no-sign publishes without signatures.",
  });
}

function unusable(message: string, hint: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("KEY_UNUSABLE", message, { hint, ...(cause === undefined ? {} : { cause }) });
}

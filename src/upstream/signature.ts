import type * as OpenPgp from "openpgp";
import { HeadwaterError } from "../error.ts";

/** A document that a trusted key signed. */
export interface Verified {
  /** Exactly what was signed. */
  readonly text: string;
  /** Of the key, 16 hex digits. */
  readonly keyId: string;
}

/**
 * The text inside a clear-signed document (`.sjson`). Throws UPSTREAM_UNTRUSTED when no key of the keyring made the signature, or it is not valid.
 * @param keyring OpenPGP public keys, armored or binary
 * @param place for messages: the URL
 */
export async function verifyClearsigned(
  bytes: Uint8Array,
  keyring: Uint8Array,
  place: string,
): Promise<Verified> {
  const { readCleartextMessage, verify } = await openpgp();
  const verificationKeys = await readKeyring(keyring);
  try {
    const message = await readCleartextMessage({ cleartextMessage: decode(bytes) });
    const { data, signatures } = await verify({ message, verificationKeys });
    return { text: data, keyId: await signedBy(signatures, verificationKeys) };
  } catch (cause) {
    throw untrusted(place, cause);
  }
}

/** The same for a document and its signature in a file of its own (`.json.gpg`), armored or binary. */
export function verifyDetached(
  document: Uint8Array,
  signature: Uint8Array,
  keyring: Uint8Array,
  place: string,
): Promise<Verified> {
  return verifyDetachedAt(new Date(), { document, signature, keyring, place });
}

/** The same as it is at another moment: the key must be valid then, and the signature made. */
export async function verifyDetachedAt(
  at: Date,
  {
    document,
    signature,
    keyring,
    place,
  }: {
    readonly document: Uint8Array;
    readonly signature: Uint8Array;
    readonly keyring: Uint8Array;
    readonly place: string;
  },
): Promise<Verified> {
  const { createMessage, readSignature, verify } = await openpgp();
  const verificationKeys = await readKeyring(keyring);
  try {
    const read = isArmored(signature)
      ? await readSignature({ armoredSignature: decode(signature) })
      : await readSignature({ binarySignature: signature });
    const message = await createMessage({ binary: document });
    const { signatures } = await verify({ message, signature: read, verificationKeys, date: at });
    return { text: decode(document), keyId: await signedBy(signatures, verificationKeys, at) };
  } catch (cause) {
    throw untrusted(place, cause);
  }
}

/** Whether bytes hold at least one OpenPGP public key. Throws UPSTREAM_UNTRUSTED with what is wrong. */
export async function checkKeyring(keyring: Uint8Array): Promise<void> {
  await readKeyring(keyring);
}

/** Which keys made a detached signature, as 16 hex digits each, whether anybody trusts them or not. Empty for what is no signature. */
export async function signersOf(signature: Uint8Array): Promise<readonly string[]> {
  const { readSignature } = await openpgp();
  try {
    const read = isArmored(signature)
      ? await readSignature({ armoredSignature: decode(signature) })
      : await readSignature({ binarySignature: signature });
    return read.getSigningKeyIDs().map((keyId) => keyId.toHex());
  } catch {
    return [];
  }
}

/** Loaded when the first signature is checked: half a second that no other command should wait. */
async function openpgp(): Promise<typeof OpenPgp> {
  return import("openpgp");
}

async function readKeyring(keyring: Uint8Array): Promise<OpenPgp.PublicKey[]> {
  const { readKeys } = await openpgp();
  try {
    if (!isArmored(keyring)) return await readKeys({ binaryKeys: keyring });
    // Keyrings are made with `cat` too: each block is read.
    const keys = await Promise.all(
      armoredBlocks(decode(keyring)).map((armoredKeys) => readKeys({ armoredKeys })),
    );
    if (keys.length > 0) return keys.flat();
  } catch (cause) {
    throw noKeyring(cause);
  }
  throw noKeyring();
}

function noKeyring(cause?: unknown): HeadwaterError {
  return new HeadwaterError("UPSTREAM_UNTRUSTED", "The keyring holds no OpenPGP public key.", {
    hint: "Expected what `gpg --export KEY` or `gpg --export --armor KEY` writes.",
    ...(cause === undefined ? {} : { cause }),
  });
}

interface Signature {
  readonly keyID: OpenPgp.KeyID;
  readonly verified: Promise<true>;
}

/** One valid signature of a trusted key is enough: documents are signed with an old and a new key while keys change. */
async function signedBy(
  signatures: readonly Signature[],
  keys: readonly OpenPgp.PublicKey[],
  at = new Date(),
): Promise<string> {
  let failure: unknown = new Error("there is no signature");
  for (const { keyID, verified } of signatures) {
    try {
      await verified;
      // The library takes what a key signed before it expired, and the date is the signer's own word: who has an old key could write any.
      const key = keys.find((each) => each.getKeys(keyID).length > 0);
      await key?.getSigningKey(keyID, at);
      return keyID.toHex();
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function untrusted(place: string, cause: unknown): HeadwaterError {
  const reason = cause instanceof Error ? cause.message.replaceAll(/[^\x20-\x7e]/g, " ").slice(0, 200) : "";
  return new HeadwaterError(
    "UPSTREAM_UNTRUSTED",
    `${place} is not signed by a key of the keyring: ${reason}.`,
    {
      hint: "Nothing of it is believed. Check the keyring, and that nothing between here and the upstream changes documents.",
      details: { url: place },
      cause,
    },
  );
}

function armoredBlocks(text: string): string[] {
  return text.match(/-----BEGIN PGP PUBLIC KEY BLOCK-----[^]*?-----END PGP PUBLIC KEY BLOCK-----/g) ?? [];
}

function isArmored(bytes: Uint8Array): boolean {
  return decode(bytes.subarray(0, 64)).trimStart().startsWith("-----BEGIN PGP");
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

import { createMessage, generateKey, type PrivateKey, readKey, sign } from "openpgp";
import type { Signer } from "../../src/store/signer.ts";

export interface SomeSigner extends Signer {
  readonly keyring: Uint8Array;
}

/** A key of its own, which signs as a site's does. */
export async function someSigner(
  options: { readonly date?: Date; readonly keyExpirationTime?: number } = {},
): Promise<SomeSigner> {
  const { privateKey, publicKey } = await generateKey({
    userIDs: [{ name: "A site" }],
    format: "object",
    ...options,
  });
  const armored = publicKey.armor();
  return {
    fingerprint: publicKey.getFingerprint().toUpperCase(),
    keyring: Buffer.from(armored),
    clearSign: () => Promise.reject(new Error("nobody clear-signs a bundle")),
    sign: () => Promise.reject(new Error("nobody signs a bundle so")),
    signArmored: (bytes) => signed(bytes, privateKey, options.date),
    publicKey: async () => armored,
  };
}

async function signed(
  bytes: AsyncIterable<Uint8Array> | Uint8Array,
  signingKeys: PrivateKey,
  date: Date | undefined,
): Promise<string> {
  if (!(bytes instanceof Uint8Array)) throw new TypeError("expected bytes");
  const message = await createMessage({ binary: bytes });
  return sign({
    message,
    signingKeys,
    detached: true,
    format: "armored",
    ...(date === undefined ? {} : { date }),
  });
}

/** The 16 digits by which signatures name a key. */
export async function keyIdOf(signer: Signer): Promise<string> {
  return (await readKey({ armoredKey: await signer.publicKey() })).getKeyID().toHex();
}

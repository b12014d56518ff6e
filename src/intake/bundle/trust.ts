import type { Head } from "../../bundle/layout.ts";
import { HeadwaterError } from "../../error.ts";
import { signersOf, verifyDetachedAt } from "../../upstream/signature.ts";

/** Whom to believe. */
export interface Trust {
  /** OpenPGP public keys; undefined: none is known. */
  readonly keyring: Uint8Array | undefined;
  /** Takes a bundle without looking at its signature. */
  readonly allowUntrusted: boolean;
  /** What time it is, as far as is known: milliseconds since 1970. */
  readonly now: number;
}

const MINUTE_MS = 60_000;

/**
 * The key that signed the list, as 16 hex digits; undefined when nobody asked. A key must be valid now, and also when the bundle was made.
 * Throws BUNDLE_UNTRUSTED.
 */
export async function signerOf(head: Head, place: string, trust: Trust): Promise<string | undefined> {
  if (trust.allowUntrusted) return undefined;
  const { signature, listBytes, list } = head;
  if (signature === undefined) throw untrusted(place, "it is not signed");
  if (trust.keyring === undefined) throw await noKeyring(place, signature);
  // Of a bundle from the future, which is told of when it is known who says so: the signature is a moment younger than its date.
  const at = new Date(Math.max(trust.now, Date.parse(list.createdAt) + MINUTE_MS));
  try {
    const { keyId } = await verifyDetachedAt(at, {
      document: listBytes,
      signature,
      keyring: trust.keyring,
      place: `The list of ${place}`,
    });
    return keyId;
  } catch (cause) {
    if (!(cause instanceof HeadwaterError)) throw cause;
    const signers = await signersOf(signature);
    throw untrusted(
      place,
      `${cause.message.replace(/\.$/, "")} (it names the key ${signers.join(", ") || "of nobody"})`,
      cause,
    );
  }
}

async function noKeyring(place: string, signature: Uint8Array): Promise<HeadwaterError> {
  const signers = await signersOf(signature);
  return untrusted(
    place,
    `it is signed by the key ${signers.join(", ") || "of nobody"}, and no keyring says whether to believe that`,
  );
}

function untrusted(place: string, why: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("BUNDLE_UNTRUSTED", `${place} is not believed: ${why}.`, {
    hint: "Name the sender's public key, which did not come with the bundle: --keyring FILE. --allow-untrusted takes it as it is.",
    details: { path: place },
    ...(cause === undefined ? {} : { cause }),
  });
}

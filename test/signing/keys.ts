import { KeyFolder } from "../../src/signing/key-folder.ts";
import { KeySigner } from "../../src/signing/key-signer.ts";
import { takeNewKey } from "../../src/signing/take-key.ts";
import type { Signer } from "../../src/store/signer.ts";
import type { Store } from "../../src/store/store.ts";

/** A signer with a new key, in a folder of keys. */
export async function newSigner(
  folder: string,
  {
    kind = "ed25519" as const,
    passphrase,
  }: { readonly kind?: "ed25519" | "rsa4096"; readonly passphrase?: string } = {},
): Promise<Signer> {
  const keys = new KeyFolder(folder);
  const wishes = { userId: "Test <test@example.com>", kind, lifetime: 0, passphrase };
  const { fingerprint } = await takeNewKey(keys, wishes, { replace: true });
  return new KeySigner({ fingerprint, path: keys.pathOf(fingerprint) }, async () => passphrase);
}

/** The same store with a signer. */
export function signedStore(store: Store, signer: Signer | undefined, mayGoUnsigned = false): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === "signer") return signer;
      if (name === "mayGoUnsigned") return mayGoUnsigned;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

import { buffer } from "node:stream/consumers";
import { ReadableStream } from "node:stream/web";
import type * as OpenPgp from "openpgp";
import type { Signer } from "../store/signer.ts";
import { checkCanSign, fingerprintOf, readSecretKey, unlock } from "./openpgp-key.ts";
import { readPrivateFile } from "./private-file.ts";
import { HeadwaterError } from "../error.ts";

export interface KeyFile {
  readonly fingerprint: string;
  readonly path: string;
}

/** Asked when a protected key is unlocked, and not kept. */
export type Passphrase = () => Promise<string | undefined>;

/** Signs with a key in a file, which is read and unlocked when something is first to be signed. */
export class KeySigner implements Signer {
  readonly fingerprint: string;
  readonly #file: KeyFile;
  readonly #passphrase: Passphrase;
  #key: Promise<OpenPgp.PrivateKey> | undefined;

  constructor(file: KeyFile, passphrase: Passphrase) {
    this.fingerprint = file.fingerprint;
    this.#file = file;
    this.#passphrase = passphrase;
  }

  async clearSign(document: string): Promise<string> {
    const { createCleartextMessage, sign } = await import("openpgp");
    return sign({
      message: await createCleartextMessage({ text: document }),
      signingKeys: await this.#signingKey(),
    });
  }

  async sign(bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<Uint8Array> {
    const { createMessage, sign } = await import("openpgp");
    const wanted = { signingKeys: await this.#signingKey(), detached: true, format: "binary" as const };
    if (bytes instanceof Uint8Array)
      return sign({ ...wanted, message: await createMessage({ binary: bytes }) });
    return buffer(
      await sign({ ...wanted, message: await createMessage({ binary: ReadableStream.from(bytes) }) }),
    );
  }

  async signArmored(bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<string> {
    const { readSignature } = await import("openpgp");
    const signature = await readSignature({ binarySignature: await this.sign(bytes) });
    return signature.armor();
  }

  async publicKey(): Promise<string> {
    return (await this.#read()).toPublic().armor();
  }

  /** Locked keys are tried again: a passphrase file may be there later. */
  async #signingKey(): Promise<OpenPgp.PrivateKey> {
    this.#key ??= this.#unlocked();
    let key: OpenPgp.PrivateKey;
    try {
      key = await this.#key;
    } catch (error) {
      this.#key = undefined;
      throw error;
    }
    // Time goes on while a server runs.
    await checkCanSign(key, this.#file.path);
    return key;
  }

  async #unlocked(): Promise<OpenPgp.PrivateKey> {
    const key = await this.#read();
    return key.isDecrypted() ? key : unlock(key, await this.#passphrase());
  }

  async #read(): Promise<OpenPgp.PrivateKey> {
    const { fingerprint, path } = this.#file;
    const key = await readSecretKey(await readPrivateFile(path, "the signing key"), path);
    if (fingerprintOf(key) === fingerprint) return key;
    throw new HeadwaterError("KEY_UNUSABLE", `${path} holds another key: ${fingerprintOf(key)}.`, {
      hint: "Put keys in place with `headwater key import`.",
    });
  }
}

import type { Signer } from "../store/signer.ts";
import { type GpgKey, runGpg } from "./gpg-program.ts";

/** One `Hash:` line and no comments in a clear-signed text, as other readers of simplestreams expect. */
const FORM = ["--no-comments", "--no-emit-version", "--digest-algo", "SHA512"];

/** Signs with a key that a gpg-agent has, or a card behind it; the secret is never here. */
export class GpgSigner implements Signer {
  readonly fingerprint: string;
  readonly #key: GpgKey;

  constructor(key: GpgKey) {
    this.fingerprint = key.fingerprint;
    this.#key = key;
  }

  async clearSign(text: string): Promise<string> {
    return decode(await this.#run(["--clear-sign"], new TextEncoder().encode(text)));
  }

  sign(bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<Uint8Array> {
    return this.#run(["--no-armor", "--detach-sign"], bytes);
  }

  async signArmored(bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<string> {
    return decode(await this.#run(["--armor", "--detach-sign"], bytes));
  }

  async publicKey(): Promise<string> {
    return decode(
      await runGpg(this.#key, [
        "--armor",
        "--export-options",
        "export-minimal",
        "--export",
        this.fingerprint,
      ]),
    );
  }

  #run(args: readonly string[], bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<Uint8Array> {
    return runGpg(this.#key, [...FORM, "--local-user", this.fingerprint, ...args], bytes);
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

import { signableText, signedIndex, signedPath } from "../simplestreams/signed-form.ts";
import type { DocumentRecord } from "../store/generation.ts";
import type { Signer } from "../store/signer.ts";

/** One kind of signature of a document. */
export interface Form {
  readonly name: "sjson" | "gpg" | "asc";
  readonly pathOf: (path: string) => string;
  readonly type: string;
  readonly encoding: DocumentRecord["encoding"];
  readonly make: (signer: Signer, path: string, text: string) => Promise<Uint8Array>;
}

const SIGNATURE = "application/pgp-signature";

const CLEAR: Form = {
  name: "sjson",
  pathOf: signedPath,
  type: "text/plain; charset=utf-8",
  encoding: "gzip",
  make: async (signer, path, text) =>
    encoded(await signer.clearSign(isIndex(path) ? signedIndex(text) : signableText(text))),
};
const DETACHED: Form = {
  name: "gpg",
  pathOf: (path) => `${path}.gpg`,
  type: SIGNATURE,
  encoding: "identity",
  make: (signer, _path, text) => signer.sign(encoded(text)),
};
const ARMOURED: Form = {
  name: "asc",
  pathOf: (path) => `${path}.asc`,
  type: SIGNATURE,
  encoding: "identity",
  make: async (signer, _path, text) => encoded(await signer.signArmored(encoded(text))),
};

/** What readers look for: simplestreams beside JSON (`streams/v1/`), and `lxc-create -t download` beside its indexes (`meta/1.0/`). */
export function formsOf(path: string): readonly Form[] {
  if (path.endsWith(".json")) return [CLEAR, DETACHED];
  return path.startsWith("meta/1.0/index-") ? [ARMOURED] : [];
}

export function isIndex(path: string): boolean {
  return path.endsWith("streams/v1/index.json");
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

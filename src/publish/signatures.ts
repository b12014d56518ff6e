import { HeadwaterError } from "../error.ts";
import { signableText, signedIndex, signedPath } from "../simplestreams/signed-form.ts";
import { isLxcDocument, LXC_PRODUCTS } from "../views/lxc-files.ts";
import { readDocument, readDocumentBlob } from "../store/documents.ts";
import type { DocumentRecord, Generation, StreamRecord } from "../store/generation.ts";
import type { Signer } from "../store/signer.ts";
import type { Store, StoreWriter } from "../store/store.ts";
import { stageDocument } from "./stage-document.ts";

type Documents = Readonly<Record<string, DocumentRecord>>;

export interface ToSign {
  readonly streams: readonly StreamRecord[];
  readonly documents: Documents;
  /** Of the documents that were just rendered. */
  readonly texts: ReadonlyMap<string, string>;
  readonly base: Generation | undefined;
  /** No signature of the base is taken over: a key may have got another subkey or another date. */
  readonly isAnew?: boolean;
}

/** One kind of signature of a document. */
interface Form {
  readonly name: "sjson" | "gpg" | "asc";
  readonly pathOf: (path: string) => string;
  readonly type: string;
  readonly encoding: DocumentRecord["encoding"];
  readonly make: (signer: Signer, path: string, text: string) => Promise<Uint8Array | string>;
}

const SIGNATURE = "application/pgp-signature";

const CLEAR: Form = {
  name: "sjson",
  pathOf: signedPath,
  type: "text/plain; charset=utf-8",
  encoding: "gzip",
  make: (signer, path, text) => signer.clearSign(isIndex(path) ? signedIndex(text) : signableText(text)),
};
const DETACHED: Form = {
  name: "gpg",
  pathOf: (path) => `${path}.gpg`,
  type: SIGNATURE,
  encoding: "identity",
  make: (signer, _path, text) => signer.sign(new TextEncoder().encode(text)),
};
const ARMOURED: Form = {
  name: "asc",
  pathOf: (path) => `${path}.asc`,
  type: SIGNATURE,
  encoding: "identity",
  make: (signer, _path, text) => signer.signArmored(new TextEncoder().encode(text)),
};

/** What readers look for: simplestreams beside JSON (`streams/v1/`), and `lxc-create -t download` beside its indexes (`meta/1.0/`). */
export function formsOf(path: string): readonly Form[] {
  // The list of what LXC gets is for this program alone.
  if (path.endsWith(`/${LXC_PRODUCTS}`)) return [];
  if (path.endsWith(".json")) return [CLEAR, DETACHED];
  return /(?:^|\/)meta\/1\.0\/index-/.test(path) ? [ARMOURED] : [];
}

function isIndex(path: string): boolean {
  return path.endsWith("streams/v1/index.json");
}

/**
 * Signs what one publication rendered, with the key of the store: each root that is made here, which an upstream's own is not while it
 * is passed on as it came, with the upstream's signatures. The same bytes are signed once: a signature of the base is taken over, and what
 * was made for a generation that another writer was faster with.
 * @throws KEY_LOCKED, KEY_UNUSABLE; nothing is published then
 */
export function signatures(
  store: Store,
  writer: StoreWriter,
): (toSign: ToSign) => Promise<Record<string, DocumentRecord>> {
  const made = new Map<string, DocumentRecord>();
  return async ({ streams, documents, texts, base, isAnew = false }) => {
    const signed: Record<string, DocumentRecord> = {};
    const signer = signerOf(store, base);
    if (signer === undefined) return signed;
    for (const [path, document] of Object.entries(documents)) {
      if (isVerbatim(path, streams)) continue;
      for (const form of formsOf(path)) {
        const place = form.pathOf(path);
        const key = `${form.name} ${isIndex(path)} ${signer.fingerprint} ${document.sha256}`;
        const record =
          made.get(key) ??
          (await takenOver(store, isAnew ? undefined : base, { path, place, document, signer })) ??
          (await make(writer, form, {
            signer,
            path,
            text: texts.get(path) ?? (await textOf(store, writer, document)),
          }));
        made.set(key, record);
        signed[place] = record;
      }
    }
    return signed;
  };
}

/** The key in use; none when the store has none. That signatures end without anybody wanting it is not for clients to find out. */
export function signerOf(store: Store, base: Generation | undefined): Signer | undefined {
  const { signer, mayGoUnsigned = false } = store;
  if (signer !== undefined || mayGoUnsigned || base === undefined) return signer;
  const signedBy = Object.values(base.documents).find((record) => record.signedBy !== undefined)?.signedBy;
  if (signedBy === undefined) return undefined;
  throw new HeadwaterError(
    "KEY_UNUSABLE",
    `What is listed in ${store.name} is signed by ${signedBy}, and there is no key to sign with.`,
    {
      hint: "Put the key back with `headwater key import`; --no-sign publishes without signatures from now on.",
      details: { fingerprint: signedBy },
    },
  );
}

/** Of an upstream's documents as they came; what LXC gets of its images is made here. */
function isVerbatim(path: string, streams: readonly StreamRecord[]): boolean {
  return streams.some(
    ({ name, upstream }) =>
      upstream?.isVerbatim === true &&
      path.startsWith(`${name}/`) &&
      !isLxcDocument(path.slice(name.length + 1)),
  );
}

/** A signature of the same bytes by the same key in the generation before, if it is whole. */
async function takenOver(
  store: Store,
  base: Generation | undefined,
  {
    path,
    place,
    document,
    signer,
  }: {
    readonly path: string;
    readonly place: string;
    readonly document: DocumentRecord;
    readonly signer: Signer;
  },
): Promise<DocumentRecord | undefined> {
  const record = base?.documents[place];
  if (record?.signedBy !== signer.fingerprint || base?.documents[path]?.sha256 !== document.sha256)
    return undefined;
  try {
    await readDocumentBlob(store, record);
    return record;
  } catch (error) {
    if (error instanceof HeadwaterError) return undefined;
    throw error;
  }
}

async function make(
  writer: StoreWriter,
  form: Form,
  { signer, path, text }: { readonly signer: Signer; readonly path: string; readonly text: string },
): Promise<DocumentRecord> {
  const signature = await form.make(signer, path, text);
  const { encoding, type } = form;
  const signedBy = signer.fingerprint;
  if (encoding === "gzip") return { ...(await stageDocument(writer, signature, type)), signedBy };
  const bytes = typeof signature === "string" ? new TextEncoder().encode(signature) : signature;
  return { ...(await writer.put(bytes)), encoding, type, signedBy };
}

/** Of an upstream's document that was written anew: a moment ago, or for an earlier generation. */
async function textOf(store: Store, writer: StoreWriter, document: DocumentRecord): Promise<string> {
  const source = writer.has(document.sha256)
    ? { name: store.name, open: (sha256: string) => writer.open(sha256) }
    : store;
  return new TextDecoder().decode(await readDocument(source, document));
}

import type { BundleFile } from "../../bundle/bundle-list.ts";
import { filesInside, type Head, headMember, LIST, SIGNATURE } from "../../bundle/layout.ts";
import { END, padding, type TarMember, tarHeader } from "../../bundle/tar-header.ts";
import { HeadwaterError } from "../../error.ts";
import { hashPieces } from "../../image/hash-once.ts";
import type { Store } from "../../store/store.ts";
import type { BundleOutput } from "./bundle-file.ts";

/** A bundle ready to be written. */
export interface Ready {
  readonly head: Head;
  /** The documents of the list, by path. */
  readonly documents: ReadonlyMap<string, Uint8Array>;
}

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: { readonly bytes: number; readonly of: number }) => void;
}

interface Writing {
  readonly to: BundleOutput;
  readonly options: WriteOptions;
}

/** Writes all of it, but does not end the output. Throws BLOB_MISSING and BLOB_MISMATCH, and what the output throws. */
export async function writeBundle(
  store: Store,
  { head, documents }: Ready,
  { to, options }: Writing,
): Promise<void> {
  const { list, listBytes, signature } = head;
  const small = async (member: TarMember, bytes: Uint8Array): Promise<void> => {
    await to.write(Buffer.concat([tarHeader(member), bytes, padding(bytes.byteLength)]));
  };
  await small(headMember(LIST, listBytes, list), listBytes);
  if (signature !== undefined) await small(headMember(SIGNATURE, signature, list), signature);
  const of = list.files.reduce((sum, file) => sum + (isInside(file) ? file.size : 0), 0);
  let bytes = 0;
  for (const { file, member } of filesInside(list)) {
    const document = file.link === undefined ? documents.get(file.path) : new Uint8Array(0);
    if (document !== undefined) await small(member, document);
    else {
      await to.write(tarHeader(member));
      await copy(store, file, {
        to,
        options,
        onDone: (done) => options.onProgress?.({ bytes: bytes + done, of }),
      });
      await to.write(padding(file.size));
      bytes += file.size;
    }
  }
  await to.write(END);
}

function isInside({ base, link }: BundleFile): boolean {
  return base === undefined && link === undefined;
}

/** Hashes while it copies: damaged bytes do not get out. */
async function copy(
  store: Store,
  { path, sha256, size }: BundleFile,
  { to, options, onDone }: Writing & { readonly onDone: (bytes: number) => void },
): Promise<void> {
  const reader = await store.open(sha256);
  if (reader === undefined) throw broken("BLOB_MISSING", store, { sha256, why: "its bytes are not there" });
  try {
    let position = 0;
    const source = {
      name: path,
      size,
      fill: async (buffer: Uint8Array): Promise<number> => {
        let filled = 0;
        while (filled < buffer.byteLength) {
          const count = await reader.read(buffer.subarray(filled), position);
          if (count === 0) break;
          filled += count;
          position += count;
        }
        return filled;
      },
    };
    const onProgress = ({ done }: { readonly done: number }): void => onDone(done);
    const found = await hashPieces(source, to, { signal: options.signal, onProgress });
    if (found.sha256 !== sha256 || found.size !== size)
      throw broken("BLOB_MISMATCH", store, { sha256, why: "it has other bytes than its name says" });
  } finally {
    await reader.close();
  }
}

function broken(
  code: "BLOB_MISSING" | "BLOB_MISMATCH",
  store: Store,
  { sha256, why }: { readonly sha256: string; readonly why: string },
): HeadwaterError {
  return new HeadwaterError(code, `Blob ${sha256} is listed in ${store.name}, and ${why}.`, {
    hint: "`headwater verify --repair` takes damaged images off the lists; then make the bundle again.",
    details: { sha256 },
  });
}

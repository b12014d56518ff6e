import { BundleReader } from "../../bundle/bundle-reader.ts";
import type { BundleSource } from "../../bundle/source.ts";
import { METADATA_TARBALL_LIMIT } from "../../image/archive.ts";
import type { Sha256 } from "../../store/store.ts";
import { type Pair, pairsIn } from "../cache/pairs.ts";
import { incomingOf } from "./incoming.ts";
import { type Destination, takeFiles } from "./take-files.ts";
import { signerOf, type Trust } from "./trust.ts";

export interface VerifyReport {
  readonly id: string;
  readonly createdAt: string;
  /** The key that signed it; null: nobody asked. */
  readonly signedBy: string | null;
  readonly images: number;
  readonly files: number;
  readonly bytes: number;
  /** Images of which a part is in an earlier bundle. */
  readonly unchecked: number;
}

/** Reads a bundle from its first byte to its last, as if it were applied, without any store. */
export async function verifyBundle(
  source: BundleSource,
  trust: Trust,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: (progress: { readonly bytes: number; readonly of: number }) => void;
  } = {},
): Promise<VerifyReport> {
  const reader = await BundleReader.open(source);
  const { list } = reader;
  const signedBy = await signerOf(reader.head, reader.name, trust);
  const incoming = incomingOf(list, await reader.readDocuments(), reader.name);
  const pairs = incoming.flatMap(({ listing }) => pairsIn(listing));
  const taken = await takeFiles(reader, nowhere(pairs), { pairs, ...options });
  const { files, bytes, unchecked } = taken;
  const images = new Set(pairs.map(({ fingerprint }) => fingerprint)).size;
  return {
    id: list.id,
    createdAt: list.createdAt,
    signedBy: signedBy ?? null,
    images,
    files,
    bytes,
    unchecked,
  };
}

/** Of metadata, which stands before its roots, so much is remembered. */
const KEPT_BYTES = 4 * METADATA_TARBALL_LIMIT;

/** Keeps nothing but metadata, for the roots that follow it. */
function nowhere(pairs: readonly Pair[]): Destination {
  const wanted = new Set(pairs.map(({ metadata }) => metadata));
  const kept = new Map<Sha256, Uint8Array>();
  let keptBytes = 0;
  const keep = (sha256: Sha256, bytes: Uint8Array): void => {
    kept.set(sha256, bytes);
    keptBytes += bytes.byteLength;
    for (const [oldest, { byteLength }] of kept) {
      if (keptBytes <= KEPT_BYTES) break;
      kept.delete(oldest);
      keptBytes -= byteLength;
    }
  };
  const hashed = new Set<Sha256>();
  return {
    wants: async ({ sha256 }) => !hashed.has(sha256),
    create: async ({ sha256, size }) => {
      const pieces: Uint8Array[] = [];
      const isKept = wanted.has(sha256) && size <= METADATA_TARBALL_LIMIT;
      return {
        write: async (bytes) => {
          if (isKept) pieces.push(Uint8Array.from(bytes));
        },
        commit: async () => {
          hashed.add(sha256);
          if (isKept) keep(sha256, Buffer.concat(pieces));
        },
        cancel: async () => undefined,
      };
    },
    open: async (sha256) => {
      const bytes = kept.get(sha256);
      if (bytes === undefined) return undefined;
      return {
        size: bytes.byteLength,
        read: async (buffer, position) => {
          const piece = bytes.subarray(position, position + buffer.byteLength);
          buffer.set(piece);
          return piece.byteLength;
        },
        close: async () => undefined,
      };
    },
  };
}

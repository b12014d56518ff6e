import { HeadwaterError } from "../error.ts";
import { bunzip2 } from "./compression/bzip2.ts";
import { gunzip } from "./compression/gzip.ts";
import { decodeXz } from "./compression/xz.ts";
import { walkXzStreams } from "./compression/xz-streams.ts";
import { unzstd } from "./compression/zstd.ts";
import { walkZstdFrames } from "./compression/zstd-frames.ts";
import { bytesOf, type ReadOptions } from "./file-bytes.ts";
import type { ImageFile } from "./image-file.ts";
import type { Compressed } from "./magic.ts";

export type Compression = "none" | Compressed;

export interface DecodeOptions extends ReadOptions {
  /** Unpacked bytes after which the file is refused with FILE_TOO_LARGE: a few kilobytes can unpack to terabytes. */
  readonly maxBytes?: number;
}

/**
 * The unpacked bytes of a file. Memory is bounded whatever the file says. What is cut off ends in FILE_TRUNCATED, before the first
 * byte where the format's structure shows it, else after the last. Leaving the loop early is fine.
 */
export async function* decoded(
  file: ImageFile,
  compression: Compression,
  options: DecodeOptions = {},
): AsyncGenerator<Uint8Array> {
  const { maxBytes = Number.POSITIVE_INFINITY } = options;
  if (hasStructure(compression)) await assertWhole(file, compression, options.signal);
  let total = 0;
  for await (const chunk of DECODERS[compression](bytesOf(file, options), file.path)) {
    total += chunk.length;
    if (total > maxBytes) {
      throw new HeadwaterError("FILE_TOO_LARGE", `${file.path} unpacks to more than ${maxBytes} bytes`, {
        hint: "Is this the file you meant?",
        details: { limitBytes: maxBytes },
      });
    }
    yield chunk;
  }
}

/**
 * Whether a look at the file's own structure finds every cut. Where it does, nothing has to be unpacked to know that the file
 * is whole; the other formats say so only when unpacked to their end.
 */
export function hasStructure(compression: Compression): compression is "xz" | "zstd" {
  return compression === "xz" || compression === "zstd";
}

/**
 * Throws FILE_TRUNCATED unless the file has all its parts, by reading only where its parts begin and end; for zstd also
 * FILE_UNSUPPORTED when a frame wants too much memory, which fzstd would take without asking.
 */
async function assertWhole(file: ImageFile, compression: "xz" | "zstd", signal?: AbortSignal): Promise<void> {
  if (compression === "xz") await walkXzStreams(file, signal);
  else await walkZstdFrames(file, signal);
}

type Decoder = (source: AsyncGenerator<Uint8Array>, name: string) => AsyncGenerator<Uint8Array>;

const DECODERS: Readonly<Record<Compression, Decoder>> = {
  none: (source) => source,
  gzip: gunzip,
  xz: (source, name) => decodeXz(source, "xz", name),
  lzma: (source, name) => decodeXz(source, "lzma", name),
  zstd: unzstd,
  bzip2: bunzip2,
};

import { HeadwaterError } from "../../error.ts";
import { damaged, wantsTooMuchMemory } from "./damage.ts";
import { throughTransform } from "./through-transform.ts";
import { dictionarySize, type XzFormat } from "./xz-dictionary.ts";
import { decodeWithXzProgram } from "./xz-program.ts";

/**
 * Memory one xz or lzma decoder may take, in bytes. `xz -9` wants 65 MiB; the format allows 4 GiB. The margin is for a dictionary
 * of 256 MiB, the largest that is met in practice, plus the decoder itself.
 */
export const XZ_MEMORY_LIMIT = 288 * 1024 * 1024;

/**
 * Decodes xz (all checks, filters, several streams, padding) or the older .lzma. lzma-native works on libuv's threads;
 * where its binary part cannot be loaded, the `xz` program does the same.
 */
export async function* decodeXz(
  source: AsyncIterable<Uint8Array>,
  format: XzFormat,
  name: string,
): AsyncGenerator<Uint8Array> {
  const checked = refuseLargeDictionary(source, format, name);
  const native = await loadNative();
  if (native === undefined) {
    yield* decodeWithXzProgram(checked, format, name, XZ_MEMORY_LIMIT);
    return;
  }
  const coder = format === "xz" ? "streamDecoder" : "aloneDecoder";
  const decoder = native.createStream(coder, { memlimit: XZ_MEMORY_LIMIT });
  yield* throughTransform(checked, decoder, (cause) => explain(name, format, cause));
}

async function loadNative() {
  try {
    return (await import("lzma-native")).default;
  } catch {
    // No prebuilt binary for this platform (musl, riscv64, ...): the xz program stands in.
    return undefined;
  }
}

/** Says beforehand how much memory would be needed; the decoder's own limit only knows that it was too much. */
async function* refuseLargeDictionary(
  source: AsyncIterable<Uint8Array>,
  format: XzFormat,
  name: string,
): AsyncGenerator<Uint8Array> {
  let first = true;
  for await (const chunk of source) {
    if (first) {
      first = false;
      const wanted = dictionarySize(chunk, format) ?? 0;
      if (wanted > XZ_MEMORY_LIMIT) throw wantsTooMuchMemory(name, format, wanted, XZ_MEMORY_LIMIT);
    }
    yield chunk;
  }
}

function explain(name: string, format: XzFormat, cause: unknown): HeadwaterError {
  const kind = cause instanceof Error ? cause.name : "";
  if (kind === "LZMA_MEMLIMIT_ERROR") {
    return new HeadwaterError(
      "FILE_UNSUPPORTED",
      `${name} needs more memory to unpack as ${format} than the limit of ${XZ_MEMORY_LIMIT} bytes`,
      { hint: `Compress it again with a usual setting, such as ${format} -9.`, cause },
    );
  }
  if (kind === "LZMA_OPTIONS_ERROR") {
    return new HeadwaterError(
      "FILE_UNSUPPORTED",
      `${name} uses a feature of ${format} that is not supported`,
      {
        hint: "Compress it again with the usual settings of xz.",
        cause,
      },
    );
  }
  return damaged(
    name,
    format,
    `the ${format} data does not end as it should, or fails its check (${kind})`,
    cause,
  );
}

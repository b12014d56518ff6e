import { createHash } from "node:crypto";
import { HeadwaterError } from "../../error.ts";
import { startFilter } from "../../image/compression/filter-program.ts";
import { decoded } from "../../image/decompress.ts";
import type { ImageFile } from "../../image/image-file.ts";
import { isCompressed, MAGIC_BYTES, magicOf } from "../../image/magic.ts";
import { unsupported } from "../../image/refusals.ts";
import type { BlobFiles } from "../../store/blob-files.ts";
import type { StoreWriter } from "../../store/store.ts";
import type { FileItem } from "./plan.ts";
import { squashfsAsTar } from "./squashfs-as-tar.ts";
import { type RootFacts, TarWatch } from "./watch-tar.ts";

export interface Tools {
  readonly writer: StoreWriter;
  readonly blobFiles: BlobFiles;
  readonly signal?: AbortSignal | undefined;
  /** Where programs are looked for; left out: the usual places. */
  readonly programs?: string | undefined;
  /** Bytes of tarball that have been read or made. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Of a root when it is unpacked; left out: 64 GiB. */
  readonly maxBytes?: number | undefined;
}

/** The root of a build. */
export interface RootToMake {
  readonly file: ImageFile;
  readonly item: FileItem;
  /** Files in it that the image names as templates. */
  readonly templates: Iterable<string>;
}

export interface MadeFile {
  readonly sha256: string;
  readonly size: number;
}

/**
 * The root of a build as `rootfs.tar.xz`, staged when it is new. What is xz already stays as it is; anything else is compressed, and a squashfs
 * made a tarball, in one pass from program to program: nothing is unpacked to disk, and memory does not depend on the image.
 */
export async function makeRootfs(
  { file, item: { sha256, size }, templates }: RootToMake,
  tools: Tools,
): Promise<MadeFile & { readonly facts: RootFacts }> {
  const magic = magicOf(await file.readExactly(0, Math.min(MAGIC_BYTES, file.size)));
  const { signal, maxBytes } = tools;
  const watch = new TarWatch(file.path, { templates, maxBytes });
  if (magic === "xz") {
    for await (const chunk of watch.through(decoded(file, magic, { signal }))) tools.onBytes?.(chunk.length);
    return { sha256, size, facts: watch };
  }
  const isTar = magic === "tar" || isCompressed(magic);
  if (!isTar && magic !== "squashfs") throw unsupported(file.path, magic);
  const tar = isTar
    ? decoded(file, magic === "tar" ? "none" : magic, { signal })
    : squashfsAsTar(file.path, sha256, tools);
  return { ...(await stageXz(watch.through(tar), file.path, tools)), facts: watch };
}

/**
 * Compresses with the `xz` program into a new blob. One thread, so that the bytes do not depend on the machine. The lowest level: the usual one
 * takes five times as long and nine times the memory, for a tenth less (40 MB of a Debian's /usr/lib).
 */
export async function stageXz(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  { writer, signal, programs, onBytes }: Tools,
): Promise<MadeFile> {
  const path = programs === undefined ? {} : { path: programs };
  const sink = await writer.create();
  try {
    // Last of all: it runs until it has been fed.
    const xz = await startFilter("xz", ["-1", "--threads=1", "--check=crc64", "--stdout"], {
      isNice: true,
      signal,
      ...path,
    });
    if (xz === undefined) throw notInstalled();
    const hash = createHash("sha256");
    let size = 0;
    const packed = xz(counted(bytes, signal, onBytes), (said) =>
      failed(name, `xz says ${JSON.stringify(said)}`),
    );
    for await (const chunk of packed) {
      hash.update(chunk);
      await sink.write(chunk);
      size += chunk.length;
    }
    const made = { sha256: hash.digest("hex"), size };
    await sink.commit(made);
    return made;
  } catch (error) {
    await sink.cancel();
    throw error;
  }
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  onBytes: Tools["onBytes"],
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    signal?.throwIfAborted();
    onBytes?.(chunk.length);
    yield chunk;
  }
}

function notInstalled(): HeadwaterError {
  return new HeadwaterError("PROGRAM_MISSING", "files for LXC need the xz program, which is not installed", {
    hint: "Install it (Debian: apt install xz-utils).",
  });
}

function failed(name: string, what: string): HeadwaterError {
  return new HeadwaterError("FILE_UNSUPPORTED", `no rootfs.tar.xz can be made of ${name}: ${what}`);
}

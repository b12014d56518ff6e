import { HeadwaterError } from "../../error.ts";
import { startReading } from "../../image/compression/filter-program.ts";
import type { Sha256 } from "../../store/store.ts";
import type { Tools } from "./rootfs.ts";

/**
 * A squashfs as a tar archive, by the program `sqfs2tar` of squashfs-tools-ng. It reads the blob's file through an open descriptor, wherever
 * the store moves it meanwhile. Owners, modes, times, extended attributes, hard links and device nodes are kept; sockets, which a tar archive
 * cannot hold, are left out. The top folder is a member, `./`, as in the tarballs of images.linuxcontainers.org.
 */
export async function* squashfsAsTar(
  name: string,
  sha256: Sha256,
  { blobFiles, programs, signal }: Tools,
): AsyncGenerator<Uint8Array> {
  const file = await blobFiles.openFile(sha256);
  if (file === undefined) throw missing(name);
  try {
    const path = programs === undefined ? {} : { path: programs };
    const options = { fd: file.fd, isNice: true, signal, ...path };
    const program = await startReading("sqfs2tar", ["--root-becomes", ".", "/dev/stdin"], options);
    if (program === undefined) throw notInstalled();
    yield* program((said) => failed(name, said));
  } finally {
    await file.close();
  }
}

function notInstalled(): HeadwaterError {
  return new HeadwaterError(
    "PROGRAM_MISSING",
    "images with a squashfs only need the sqfs2tar program for LXC, which is not installed",
    { hint: "Install it (Debian: apt install squashfs-tools-ng).", details: { program: "sqfs2tar" } },
  );
}

function failed(name: string, said: string): HeadwaterError {
  return new HeadwaterError(
    "FILE_UNSUPPORTED",
    `no rootfs.tar.xz can be made of ${name}: sqfs2tar says ${JSON.stringify(said)}`,
    {
      hint: "Is the squashfs whole? `headwater verify` compares it with its hash, `unsquashfs -lln` reads it.",
    },
  );
}

function missing(name: string): HeadwaterError {
  return new HeadwaterError("BLOB_MISSING", `${name} is listed, and its bytes are not in the store`, {
    hint: "`headwater verify --repair` takes damaged images off the lists.",
  });
}

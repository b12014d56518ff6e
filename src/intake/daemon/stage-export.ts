import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy } from "@fastify/busboy";
import { HeadwaterError } from "../../error.ts";
import { METADATA_TARBALL_LIMIT } from "../../image/archive.ts";
import { hashPieces } from "../../image/hash-once.ts";
import { isCompressed, MAGIC_BYTES, magicOf } from "../../image/magic.ts";
import { splitOpenVm } from "../../image/split-unified-vm.ts";
import type { StoreWriter } from "../../store/store.ts";
import type { BuildFiles, StagedFile, StagedRoot } from "../build.ts";
import { intoBlob, stageSplitVm, TAR_EXTENSIONS } from "../staging.ts";
import type { Daemon } from "./daemon.ts";
import type { DaemonImage } from "./daemon-image.ts";
import { wrong } from "./failures.ts";
import { stagedFile } from "./staged-file.ts";
import { streamSource } from "./stream-source.ts";

export interface ExportOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the image that have come, and all there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface StagedExport {
  readonly files: BuildFiles;
  /** A unified virtual machine was taken apart, and has another fingerprint than on the daemon. */
  readonly rewritten: boolean;
}

/**
 * Takes the files of an image out of a daemon and into a writer's area, hashed on the way. Nothing is staged for good before the
 * fingerprint agrees.
 * @throws DAEMON_UNREACHABLE, DAEMON_REFUSED; DAEMON_WRONG for an export that ends early or is another image
 */
export async function stageExport(
  writer: StoreWriter,
  daemon: Daemon,
  image: DaemonImage,
  options: ExportOptions,
): Promise<StagedExport> {
  const answer = await daemon.export(image.fingerprint, options.signal);
  const intake: Intake = {
    writer,
    image,
    options,
    place: `${daemon.place}: image ${image.fingerprint.slice(0, 12)}`,
  };
  const type = answer.headers["content-type"] ?? "";
  try {
    if (/^multipart\//i.test(type)) return await takeForm(intake, answer, type);
    return await takeFile(intake, answer);
  } catch (error) {
    answer.destroy();
    if (error instanceof HeadwaterError) throw error;
    options.signal?.throwIfAborted();
    throw wrong(intake.place, "its export broke off", error);
  }
}

interface Intake {
  readonly writer: StoreWriter;
  readonly image: DaemonImage;
  readonly options: ExportOptions;
  /** For messages. */
  readonly place: string;
}

/** Metadata and root, in this order and under these names (Incus cmd/incusd/images.go, LXD lxd/images.go: imageExport). */
async function takeForm(intake: Intake, answer: IncomingMessage, type: string): Promise<StagedExport> {
  const form = new Busboy({
    headers: { "content-type": type },
    isPartAFile: () => true,
    limits: { parts: 2 },
  });
  let metadata: { readonly bytes: Buffer; readonly staged: StagedFile } | undefined;
  let root: StagedRoot | undefined;
  const take = async (name: string, part: Readable): Promise<void> => {
    if (name === "metadata" && metadata === undefined) metadata = await takeMetadata(intake, part);
    else if (/^rootfs(?:\.img)?$/.test(name) && metadata !== undefined && root === undefined) {
      root = await takeRoot(intake, part, metadata.bytes);
    } else throw wrong(intake.place, `its export has an unexpected part ${JSON.stringify(name)}`);
  };
  const parts: Promise<void>[] = [];
  let open: Readable | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    form.on("file", (name, part) => {
      open = part;
      // Its reader meets the failure, if it is still there.
      part.on("error", () => undefined);
      const before = parts.at(-1) ?? Promise.resolve();
      const taken = before.then(() => take(name, part));
      parts.push(taken);
      taken.catch((error: unknown) => {
        part.resume();
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
  });
  const whole = pipeline(answer, form).catch((error: unknown) => {
    // Whoever reads a part waits for its end, which does not come any more.
    open?.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  });
  try {
    await Promise.race([whole, failed]);
    await Promise.all(parts);
  } catch (error) {
    answer.destroy();
    // Nobody may use the writer any more when the caller is told.
    await Promise.allSettled(parts);
    throw error;
  }
  if (metadata === undefined || root === undefined) throw wrong(intake.place, "its export ended early");
  return { files: { kind: "split", metadata: metadata.staged, roots: [root] }, rewritten: false };
}

async function takeMetadata(
  { writer, place }: Intake,
  part: Readable,
): Promise<{ readonly bytes: Buffer; readonly staged: StagedFile }> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of part as AsyncIterable<Buffer>) {
    size += piece.byteLength;
    if (size > METADATA_TARBALL_LIMIT)
      throw wrong(place, `its metadata has more than ${METADATA_TARBALL_LIMIT} bytes`);
    pieces.push(piece);
  }
  const bytes = Buffer.concat(pieces);
  return { bytes, staged: { ...(await writer.put(bytes)), extension: archiveExtension(bytes) } };
}

async function takeRoot(intake: Intake, part: Readable, metadata: Buffer): Promise<StagedRoot> {
  const { writer, image, options, place } = intake;
  const combinedWith = [{ name: "fingerprint", bytes: metadata }];
  const source = streamSource(place, image.size, part);
  const { sha256, size } = await intoBlob(writer, async (sink) => {
    const copied = await hashPieces(source, sink, { ...hashOptions(options), combinedWith });
    assertFingerprint(intake, copied.combined.get("fingerprint"));
    return copied;
  });
  const head = await headOf(writer, sha256);
  const magic = magicOf(head);
  const staged = { sha256, size, fingerprint: image.fingerprint };
  if ((magic === "qcow2") !== (image.type === "virtual-machine")) {
    throw wrong(
      place,
      `it is called a ${image.type}, and its root is ${magic === "qcow2" ? "a disk" : "no disk"}`,
    );
  }
  if (magic === "qcow2") return { ...staged, ftype: "disk-kvm.img", extension: "qcow2" };
  if (magic === "squashfs") return { ...staged, ftype: "squashfs", extension: "squashfs" };
  return { ...staged, ftype: "root.tar.xz", extension: archiveExtension(head) };
}

async function takeFile(intake: Intake, answer: IncomingMessage): Promise<StagedExport> {
  const { writer, image, options, place } = intake;
  const source = streamSource(place, image.size, answer);
  const { sha256, size } = await intoBlob(writer, async (sink) => {
    const copied = await hashPieces(source, sink, hashOptions(options));
    assertFingerprint(intake, copied.sha256);
    return copied;
  });
  if (image.type === "container") {
    const extension = archiveExtension(await headOf(writer, sha256));
    return { files: { kind: "unified", image: { sha256, size, extension } }, rewritten: false };
  }
  const reader = await writer.open(sha256);
  try {
    const file = stagedFile(place, reader);
    const files = await stageSplitVm(writer, (sink) => splitOpenVm(file, sink, { signal: options.signal }));
    return { files, rewritten: true };
  } finally {
    await reader.close();
  }
}

function hashOptions({ signal, onProgress }: ExportOptions) {
  return {
    signal,
    onProgress: ({ done, total }: { done: number; total: number }) => onProgress?.(done, total),
  };
}

function assertFingerprint({ image, place }: Intake, found: string | undefined): void {
  if (found === image.fingerprint) return;
  throw wrong(place, `its export is not that image, or not all of it: its SHA-256 is ${found ?? "unknown"}`);
}

async function headOf(writer: StoreWriter, sha256: string): Promise<Buffer> {
  const reader = await writer.open(sha256);
  try {
    return await stagedFile(sha256, reader).readExactly(0, Math.min(MAGIC_BYTES, reader.size));
  } finally {
    await reader.close();
  }
}

/** What is no known archive is passed on as it is: the daemon has unpacked it before. */
function archiveExtension(head: Uint8Array): string {
  const magic = magicOf(head);
  return TAR_EXTENSIONS[isCompressed(magic) ? magic : "none"];
}

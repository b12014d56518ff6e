import { HeadwaterError } from "../error.ts";
import { quoted } from "../simplestreams/printable.ts";
import { type Compression, decoded, hasStructure } from "./decompress.ts";
import type { ReadOptions } from "./file-bytes.ts";
import type { ImageFile } from "./image-file.ts";
import { isCompressed, MAGIC_BYTES, magicOf } from "./magic.ts";
import { type ImageMetadata, METADATA_LIMIT, parseMetadataYaml, tooLarge } from "./metadata-yaml.ts";
import { parseQcow2Header, QCOW2_HEADER_BYTES } from "./qcow2.ts";
import { notAnImage, notTar } from "./refusals.ts";
import { type TarMember, tarMembers } from "./tar-members.ts";

/** What a tar archive can be. */
export type Archive =
  | { readonly kind: "metadata"; readonly metadata: ImageMetadata; readonly compression: Compression }
  | { readonly kind: "root"; readonly format: "tar"; readonly compression: Compression }
  | UnifiedContainer
  | UnifiedVm;

export interface UnifiedContainer {
  readonly kind: "unified";
  readonly type: "container";
  readonly metadata: ImageMetadata;
  readonly compression: Compression;
}

export interface UnifiedVm {
  readonly kind: "unified";
  readonly type: "virtual-machine";
  readonly metadata: ImageMetadata;
  readonly compression: Compression;
  /** Bytes. */
  readonly virtualSize: number;
}

/** A metadata tarball is kept in memory while its image is added; real ones have a few kilobytes. */
export const METADATA_TARBALL_LIMIT = 16 * 1024 * 1024;

/** Unpacked bytes within which something that belongs to an image has to come. */
const SEARCH_LIMIT = 64 * 1024 * 1024;
const SEARCH_MEMBERS = 10_000;

/** Top folders by which a root file system is known, whoever made it. */
const ROOT_FOLDERS = new Set(
  "bin boot dev etc home lib lib32 lib64 libx32 media mnt nix opt proc root run sbin srv sys tmp usr var".split(
    " ",
  ),
);

/**
 * Tells which kind of image file an archive is, by its members in their order. It stops as soon as that is clear and a cut file
 * can be found without unpacking it; otherwise it goes on to the end. (The disk of a unified VM is unpacked later anyway,
 * when it is taken out.)
 */
export async function recogniseArchive(
  file: ImageFile,
  compression: Compression,
  options: ReadOptions,
): Promise<Archive> {
  const look = new Look(file.path);
  const bytes = await startingWithTar(file.path, look.guard(decoded(file, compression, options)));
  for await (const member of tarMembers(bytes, { name: file.path })) {
    await look.at(member);
    if (look.isVm() || (look.isDecided() && hasStructure(compression))) break;
  }
  return look.conclude(file.size, compression);
}

/** The first bytes of a compressed file say little: what is in it may be a disk or an ISO. */
async function startingWithTar(
  path: string,
  bytes: AsyncGenerator<Uint8Array>,
): Promise<AsyncGenerator<Uint8Array>> {
  const head: Uint8Array[] = [];
  let length = 0;
  while (length < MAGIC_BYTES) {
    const next = await bytes.next();
    if (next.done === true) break;
    head.push(next.value);
    length += next.value.length;
  }
  const start = Buffer.concat(head);
  const magic = magicOf(start);
  if (magic !== "tar") {
    await bytes.return(undefined);
    throw notTar(path, isCompressed(magic) ? "another compressed file" : magic);
  }
  return (async function* () {
    try {
      yield start;
      yield* bytes;
    } finally {
      // Left at the first `yield`, nobody else would end the decoder.
      await bytes.return(undefined);
    }
  })();
}

/** What has been seen in an archive so far. */
class Look {
  private readonly path: string;
  private metadata: ImageMetadata | undefined;
  private rootfs = false;
  private rootFolder = false;
  private virtualSize: number | undefined;
  private members = 0;
  private readonly top = new Set<string>();
  private readonly files = new Set<string>();

  constructor(path: string) {
    this.path = path;
  }

  isVm(): boolean {
    return this.metadata !== undefined && this.virtualSize !== undefined;
  }

  /** Whether no later member can change what this archive is. */
  isDecided(): boolean {
    if (this.metadata !== undefined) return this.rootfs || this.virtualSize !== undefined;
    return this.rootFolder && !this.rootfs;
  }

  /** Ends a search that would go on for ever: a small file can unpack to terabytes of anything. */
  async *guard(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let total = 0;
    for await (const chunk of bytes) {
      total += chunk.length;
      const found = this.rootfs || this.rootFolder || this.virtualSize !== undefined;
      if (!found && (total > SEARCH_LIMIT || this.members > SEARCH_MEMBERS)) {
        throw new HeadwaterError(
          "FILE_TOO_LARGE",
          `${this.path} holds no root and no disk in its first ${SEARCH_LIMIT >> 20} MiB or ${SEARCH_MEMBERS} members`,
          { hint: "Is this the file you meant?" },
        );
      }
      yield chunk;
    }
  }

  async at(member: TarMember): Promise<void> {
    if (this.isDecided()) return;
    this.members += 1;
    const [top = "", ...below] = member.name.split("/");
    if (top === "") return;
    if (this.top.size < 20) this.top.add(top);
    if (member.name === "metadata.yaml") await this.atMetadata(member);
    else if (member.name === "rootfs.img") await this.atDisk(member);
    else if (top === "rootfs") this.atRootfs(member, below.length > 0);
    else if (top === "templates" && this.members <= SEARCH_MEMBERS) this.files.add(below.join("/"));
    else if (ROOT_FOLDERS.has(top) && (below.length > 0 || isFolder(member))) this.rootFolder = true;
  }

  conclude(fileSize: number, compression: Compression): Archive {
    const { metadata, virtualSize } = this;
    if (metadata === undefined) {
      if (this.rootFolder && !this.rootfs) return { kind: "root", format: "tar", compression };
      throw notAnImage(this.path, [...this.top]);
    }
    if (virtualSize !== undefined) {
      return { kind: "unified", type: "virtual-machine", metadata, compression, virtualSize };
    }
    if (this.rootfs) return { kind: "unified", type: "container", metadata, compression };
    if (fileSize > METADATA_TARBALL_LIMIT) {
      throw new HeadwaterError(
        "FILE_TOO_LARGE",
        `${this.path} has ${fileSize} bytes, expected at most ${METADATA_TARBALL_LIMIT} for a metadata tarball`,
      );
    }
    this.assertTemplates(metadata);
    return { kind: "metadata", metadata, compression };
  }

  private async atMetadata(member: TarMember): Promise<void> {
    const name = `${this.path}: metadata.yaml`;
    if (this.metadata !== undefined) throw invalid(this.path, "has two members named metadata.yaml");
    // LXD: lxd/images.go getImageMetadata takes nothing but a regular file.
    if (member.type !== "file") throw invalid(this.path, "metadata.yaml is not a regular file");
    if (member.size > METADATA_LIMIT) throw tooLarge(name, member.size);
    this.metadata = parseMetadataYaml(await contentOf(member), name);
  }

  private async atDisk(member: TarMember): Promise<void> {
    if (member.type !== "file") throw invalid(this.path, "rootfs.img is not a plain, complete file");
    const name = `${this.path}: rootfs.img`;
    const head: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of member.content) {
      if (length < MAGIC_BYTES) head.push(chunk);
      length += chunk.length;
      if (length < MAGIC_BYTES || this.virtualSize !== undefined) continue;
      this.virtualSize = virtualSizeOf(Buffer.concat(head), name, member.size);
      // Leaving the content ends the scan, which is what is wanted when nothing more has to be found.
      if (this.isVm()) return;
    }
    this.virtualSize ??= virtualSizeOf(Buffer.concat(head), name, member.size);
  }

  /** Incus: internal/server/storage/utils.go wants `rootfs` to be a real folder, and a link could lead anywhere. */
  private atRootfs(member: TarMember, below: boolean): void {
    if (!below && member.type !== "directory") throw invalid(this.path, "rootfs is not a real folder");
    this.rootfs = true;
  }

  /** Without its file a template fails on the client, when an instance is made. */
  private assertTemplates(metadata: ImageMetadata): void {
    for (const template of metadata.templates) {
      if (!this.files.has(template)) {
        throw invalid(
          this.path,
          `metadata.yaml names the template ${quoted(template)}, which is not in the archive`,
        );
      }
    }
  }
}

function isFolder(member: TarMember): boolean {
  return member.type === "directory" || member.type === "symlink";
}

/** Checks the start of a disk that lies in an archive. `size` in bytes. */
export function virtualSizeOf(head: Buffer, name: string, size: number): number {
  const magic = magicOf(head);
  if (magic !== "qcow2") throw notTar(name, magic);
  return parseQcow2Header(head.subarray(0, QCOW2_HEADER_BYTES), name, size).virtualSize;
}

/** A small member whole. Its size has been checked. */
async function contentOf(member: TarMember): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of member.content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function invalid(path: string, rule: string): HeadwaterError {
  return new HeadwaterError("IMAGE_INVALID", `${path}: ${rule}`, { details: { file: path, rule } });
}

import { createHash, type Hash } from "node:crypto";
import { HeadwaterError } from "../error.ts";
import { quoted } from "../simplestreams/printable.ts";
import { METADATA_TARBALL_LIMIT, virtualSizeOf } from "./archive.ts";
import { type Compression, decoded } from "./decompress.ts";
import type { ReadOptions } from "./file-bytes.ts";
import type { ByteSink } from "./hash-once.ts";
import { assertSame, type FileIdentity, type ImageFile, withImageFile } from "./image-file.ts";
import { isCompressed, MAGIC_BYTES, magicOf } from "./magic.ts";
import { type ImageMetadata, parseMetadataYaml } from "./metadata-yaml.ts";
import { storedGzip } from "./stored-gzip.ts";
import { type TarMember, tarMembers } from "./tar-members.ts";
import { writeTar } from "./write-tar.ts";

export interface SplitOptions extends ReadOptions {
  /** As `recognise` found the file: FILE_CHANGED when it is another one by now. */
  readonly identity?: FileIdentity;
}

export interface SplitVm {
  /** A new metadata tarball: everything of the old archive but the disk. The same for the same input, on every machine. */
  readonly metadata: Buffer;
  readonly disk: { readonly sha256: string; readonly size: number; readonly virtualSize: number };
  /**
   * SHA-256 of metadata followed by disk, when all metadata came before the disk; else undefined, and `combinedHash` reads the
   * staged disk once more.
   */
  readonly fingerprint: string | undefined;
}

/**
 * Takes a unified VM apart in one pass: LXD and older Incus list such an image as a container, split it works everywhere.
 * The disk goes to `disk` as it is unpacked.
 */
export async function splitUnifiedVm(
  path: string,
  disk: ByteSink,
  options: SplitOptions = {},
): Promise<SplitVm> {
  return withImageFile(path, async (file) => {
    if (options.identity !== undefined) assertSame(path, options.identity, file.identity);
    return splitOpenVm(file, disk, options);
  });
}

/** The same for a file that is open. */
export async function splitOpenVm(
  file: ImageFile,
  disk: ByteSink,
  options: ReadOptions = {},
): Promise<SplitVm> {
  const split = new Split(file.path, disk);
  const bytes = decoded(file, await compressionOf(file), options);
  for await (const member of tarMembers(bytes, { name: file.path })) await split.take(member);
  await file.assertUnchanged();
  return split.result();
}

async function compressionOf(file: ImageFile): Promise<Compression> {
  const magic = magicOf(await file.readExactly(0, Math.min(MAGIC_BYTES, file.size)));
  return isCompressed(magic) ? magic : "none";
}

interface Kept {
  readonly type: TarMember["type"];
  readonly content: Buffer;
}

class Split {
  private readonly path: string;
  private readonly sink: ByteSink;
  private readonly kept = new Map<string, Kept>();
  private keptBytes = 0;
  private disk: SplitVm["disk"] | undefined;
  /** Computed on the guess that nothing but the disk follows; `metadata` is what the guess was made with. */
  private guess: { readonly metadata: Buffer; readonly hash: Hash } | undefined;

  constructor(path: string, sink: ByteSink) {
    this.path = path;
    this.sink = sink;
  }

  async take(member: TarMember): Promise<void> {
    if (member.name === "rootfs.img") return this.takeDisk(member);
    if (member.name === "") return;
    if (member.type !== "file" && member.type !== "directory") {
      throw this.invalid(`its member ${quoted(member.name)} is neither a file nor a folder`);
    }
    if (member.type === "file" && this.kept.has(member.name)) {
      throw this.invalid(`it has two members named ${quoted(member.name)}`);
    }
    this.keptBytes += member.size + 1024;
    if (this.keptBytes > METADATA_TARBALL_LIMIT) {
      throw new HeadwaterError(
        "FILE_TOO_LARGE",
        `${this.path} has more than ${METADATA_TARBALL_LIMIT} bytes beside its disk`,
      );
    }
    const chunks: Uint8Array[] = [];
    if (member.size > 0) for await (const chunk of member.content) chunks.push(chunk);
    this.kept.set(member.name, { type: member.type, content: Buffer.concat(chunks) });
  }

  async result(): Promise<SplitVm> {
    if (this.disk === undefined) throw this.invalid("it has no rootfs.img");
    const metadata = await this.tarball();
    if (metadata === undefined) throw this.invalid("it has no metadata.yaml");
    const guessed = this.guess?.metadata.equals(metadata) === true ? this.guess.hash : undefined;
    return { metadata, disk: this.disk, fingerprint: guessed?.digest("hex") };
  }

  private async takeDisk(member: TarMember): Promise<void> {
    if (this.disk !== undefined) throw this.invalid("it has two members named rootfs.img");
    if (member.type !== "file") throw this.invalid("rootfs.img is not a plain, complete file");
    const metadata = this.mayBeComplete() ? await this.tarball() : undefined;
    const own = createHash("sha256");
    const combined = createHash("sha256").update(metadata ?? "");
    let head = Buffer.alloc(0);
    let virtualSize: number | undefined;
    const checkHead = (): number => virtualSizeOf(head, `${this.path}: rootfs.img`, member.size);
    for await (const chunk of member.content) {
      if (virtualSize === undefined) {
        head = Buffer.concat([head, chunk]);
        if (head.length >= MAGIC_BYTES) virtualSize = checkHead();
      }
      own.update(chunk);
      if (metadata !== undefined) combined.update(chunk);
      await this.sink.write(chunk);
    }
    virtualSize ??= checkHead();
    this.disk = { sha256: own.digest("hex"), size: member.size, virtualSize };
    if (metadata !== undefined) this.guess = { metadata, hash: combined };
  }

  /** Whether everything that metadata.yaml names has been seen. `incus publish` puts the templates behind the disk. */
  private mayBeComplete(): boolean {
    return this.metadata()?.templates.every((name) => this.kept.has(`templates/${name}`)) === true;
  }

  private metadata(): ImageMetadata | undefined {
    const yaml = this.kept.get("metadata.yaml");
    return yaml && parseMetadataYaml(yaml.content, `${this.path}: metadata.yaml`);
  }

  private async tarball(): Promise<Buffer | undefined> {
    const time = this.metadata()?.creationDate;
    if (time === undefined) return undefined;
    // Sorted by code units: the order must not depend on a machine's language.
    const names = [...this.kept.keys()].sort();
    const members = names.map((name) => {
      const { type, content } = this.kept.get(name) ?? { type: "file", content: Buffer.alloc(0) };
      return type === "directory" ? { name: `${name}/`, mode: 0o755 } : { name, mode: 0o644, content };
    });
    return storedGzip(await writeTar(members, time));
  }

  private invalid(rule: string): HeadwaterError {
    return new HeadwaterError("IMAGE_INVALID", `${this.path}: ${rule}`, {
      details: { file: this.path, rule },
    });
  }
}

import { createHash } from "node:crypto";
import { HeadwaterError } from "../error.ts";
import { Beginning } from "./beginning.ts";
import { type BundleFile, type BundleList, parseBundleList } from "./bundle-list.ts";
import { type Head, memberOf, sizeOfBundle } from "./layout.ts";
import { notABundle } from "./not-a-bundle.ts";
import { sizesOfParts } from "./parts.ts";
import type { BundleSource } from "./source.ts";
import { END, padding, type TarMember, tarHeader } from "./tar-header.ts";

/** Far above what a site of 10,000 versions needs, far below what would exhaust the process. */
const MAX_DOCUMENTS_BYTES = 256 * 1024 * 1024;

/** The content of one file of a bundle, to be read once. */
export interface BundleContent {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Fills the buffer from where the last call ended; less only at the end of the content. */
  fill(buffer: Uint8Array): Promise<number>;
}

/**
 * Reads a bundle from its beginning to its end. Every byte that is no content must be the one that whoever made the list would have written:
 * so there are no names to be judged, no sizes that lie, and nothing between the files. Throws BUNDLE_INVALID for anything else.
 */
export class BundleReader {
  readonly head: Head;
  readonly #source: BundleSource;
  #position: number;

  private constructor(source: BundleSource, head: Head, position: number) {
    this.#source = source;
    this.head = head;
    this.#position = position;
  }

  /**
   * Reads the list and its signature, which is not checked here, and compares the files that are there with those that should be.
   * @param isWhole false: whoever asks wants the list, and the rest may be elsewhere
   */
  static async open(source: BundleSource, { isWhole = true } = {}): Promise<BundleReader> {
    const beginning = new Beginning(source);
    const listBytes = await beginning.list();
    const list = parseBundleList(listBytes, source.name);
    const signature = await beginning.signature(list, listBytes);
    const head: Head = { list, listBytes, signature };
    if (isWhole) source.expect(sizesOfParts(sizeOfBundle(head), list.partSize));
    const reader = new BundleReader(source, head, beginning.position);
    reader.#ahead = beginning.ahead;
    return reader;
  }

  /** For messages. */
  get name(): string {
    return this.#source.name;
  }

  get list(): BundleList {
    return this.head.list;
  }

  /** The header that was read in search of a signature. */
  #ahead: Uint8Array | undefined;

  /** The documents, by path, each held against its hash. To be called first. */
  async readDocuments(): Promise<ReadonlyMap<string, Uint8Array>> {
    const total = this.list.documents.reduce((sum, { size }) => sum + size, 0);
    if (total > MAX_DOCUMENTS_BYTES)
      throw notABundle(
        this.#source.name,
        `documents of ${total} bytes, expected at most ${MAX_DOCUMENTS_BYTES}`,
      );
    const documents = new Map<string, Uint8Array>();
    for (const file of this.list.documents) {
      await this.#file(file, async (content) => {
        const bytes = new Uint8Array(file.size);
        await content.readInto(bytes);
        if (createHash("sha256").update(bytes).digest("hex") !== file.sha256) throw this.wrongHash(file);
        documents.set(file.path, bytes);
      });
    }
    return documents;
  }

  /** Calls `take` with each file of an image that is inside, in order; what it leaves unread is skipped. Ends at the end of the bundle. */
  async readFiles(
    take: (file: BundleFile, content: BundleContent) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    for (const file of this.list.files) {
      signal?.throwIfAborted();
      await this.#file(file, (content) => take(file, content));
    }
    await this.#expect(END, "at its end");
    if ((await this.#source.read(new Uint8Array(1))) > 0)
      throw notABundle(this.#source.name, "more bytes after its end");
  }

  /** For whoever hashed the file that is being read. */
  wrongHash({ path, size }: BundleFile): HeadwaterError {
    const place = this.#source.placeOf(this.#position, size);
    return new HeadwaterError(
      "BUNDLE_INVALID",
      `${place} is damaged: ${path} in it has another SHA-256 than the list says.`,
      {
        hint: "Copy it again from where it was made. `sha256sum --check` of the sums beside the parts tells which part is wrong.",
        details: { path: place, file: path },
      },
    );
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  async #file(file: BundleFile, take: (content: Content) => Promise<void>): Promise<void> {
    const member = memberOf(this.list, file);
    if (member === undefined) return;
    await this.#header(member);
    const content = new Content(this.#source, file, member.size, () => this.#cutOff());
    if (file.link === undefined) await take(content);
    await this.#source.skip(content.left);
    this.#position += member.size;
    await this.#expect(padding(member.size), `after ${file.path}`);
  }

  async #header(member: TarMember): Promise<void> {
    const expected = tarHeader(member);
    const ahead = this.#ahead ?? new Uint8Array(0);
    this.#ahead = undefined;
    const header = new Uint8Array(expected.byteLength);
    header.set(ahead);
    const rest = header.subarray(ahead.byteLength);
    if ((await this.#source.read(rest)) < rest.byteLength) throw this.#cutOff();
    this.#assertSame(header, expected, `before ${member.path}`);
    this.#position += expected.byteLength;
  }

  async #expect(expected: Uint8Array, where: string): Promise<void> {
    const found = new Uint8Array(expected.byteLength);
    if ((await this.#source.read(found)) < found.byteLength) throw this.#cutOff();
    this.#assertSame(found, expected, where);
    this.#position += expected.byteLength;
  }

  /** Says in which part the first byte is that is not as it must be. */
  #assertSame(found: Uint8Array, expected: Uint8Array, where: string): void {
    const at = found.findIndex((byte, index) => byte !== expected[index]);
    if (at === -1) return;
    const place = this.#source.placeOf(this.#position + at, 1);
    throw notABundle(place, `other bytes than its list says, ${where}`);
  }

  #cutOff(): HeadwaterError {
    return notABundle(this.#source.placeOf(this.#position, 1), "no more bytes before its end");
  }
}

class Content implements BundleContent {
  readonly name: string;
  readonly size: number;
  left: number;
  readonly #source: BundleSource;
  readonly #cutOff: () => HeadwaterError;

  constructor(source: BundleSource, file: BundleFile, size: number, cutOff: () => HeadwaterError) {
    this.name = file.path;
    this.size = size;
    this.left = size;
    this.#source = source;
    this.#cutOff = cutOff;
  }

  async fill(buffer: Uint8Array): Promise<number> {
    const wanted = buffer.subarray(0, Math.min(buffer.byteLength, this.left));
    await this.readInto(wanted);
    return wanted.byteLength;
  }

  async readInto(buffer: Uint8Array): Promise<void> {
    if ((await this.#source.read(buffer)) < buffer.byteLength) throw this.#cutOff();
    this.left -= buffer.byteLength;
  }
}

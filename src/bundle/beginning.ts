import type { BundleList } from "./bundle-list.ts";
import { headMember, LIST, SIGNATURE } from "./layout.ts";
import { notABundle } from "./not-a-bundle.ts";
import type { BundleSource } from "./source.ts";
import { BLOCK, padding, tarHeader } from "./tar-header.ts";

/** Far above what a site of 10,000 versions needs (15 MB), far below what would exhaust the process. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;
const MAX_SIGNATURE_BYTES = 1024 * 1024;

/** The first members, whose sizes nothing has said yet. */
export class Beginning {
  position = 0;
  /** The block after the list when that is no signature: the next header begins with it. */
  ahead: Uint8Array | undefined;
  readonly #source: BundleSource;
  #listHeader: Uint8Array = new Uint8Array(0);

  constructor(source: BundleSource) {
    this.#source = source;
  }

  async list(): Promise<Uint8Array> {
    this.#listHeader = await this.#take(BLOCK);
    return this.#content(this.#listHeader, LIST, MAX_LIST_BYTES);
  }

  /** The next member, when it is the signature. Holds both headers against what they must be. */
  async signature(list: BundleList, listBytes: Uint8Array): Promise<Uint8Array | undefined> {
    this.#assertSame(this.#listHeader, tarHeader(headMember(LIST, listBytes, list)));
    const block = await this.#take(BLOCK);
    if (nameIn(block) !== SIGNATURE) {
      this.ahead = block;
      this.position -= BLOCK;
      return undefined;
    }
    const bytes = await this.#content(block, SIGNATURE, MAX_SIGNATURE_BYTES);
    this.#assertSame(block, tarHeader(headMember(SIGNATURE, bytes, list)));
    return bytes;
  }

  async #content(header: Uint8Array, path: string, most: number): Promise<Uint8Array> {
    const size = sizeIn(header);
    if (nameIn(header) !== path || size === undefined)
      throw notABundle(this.#source.name, `no ${path} at its beginning`);
    if (size > most)
      throw notABundle(this.#source.name, `a ${path} of ${size} bytes, expected at most ${most}`);
    const bytes = await this.#take(size);
    const rest = padding(size);
    this.#assertSame(await this.#take(rest.byteLength), rest);
    return bytes;
  }

  #assertSame(found: Uint8Array, expected: Uint8Array): void {
    if (!isSame(found, expected))
      throw notABundle(this.#source.name, "other bytes than there should be at its beginning");
  }

  async #take(bytes: number): Promise<Uint8Array> {
    const taken = new Uint8Array(bytes);
    if ((await this.#source.read(taken)) < bytes) throw notABundle(this.#source.name, "too few bytes");
    this.position += bytes;
    return taken;
  }
}

function nameIn(header: Uint8Array): string {
  return Buffer.from(header.subarray(0, 100)).toString("latin1").replace(/\0.*$/s, "");
}

function sizeIn(header: Uint8Array): number | undefined {
  const digits = Buffer.from(header.subarray(124, 136)).toString("latin1");
  return /^[0-7]{11}\0$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

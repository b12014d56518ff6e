import { HeadwaterError } from "../../error.ts";
import { hasRulesFor } from "../../retention/policy.ts";
import type { IndexEntry } from "../../simplestreams/index-file.ts";
import { readUpstreamIndex } from "../../simplestreams/upstream-documents.ts";
import { verifyClearsigned, verifyDetached } from "../../upstream/signature.ts";
import type { Upstream, Validators } from "../../upstream/upstream.ts";
import { pause } from "../../upstream/with-retry.ts";
import { isLxcDocument } from "../../views/lxc-files.ts";
import type { StreamPolicy } from "./stream-policy.ts";

/** The documents of an upstream as they were answered, and what could be believed of them. */
export interface Fetched {
  /** Every document by path, as received. Under `signatures: required` only what was verified. */
  readonly documents: ReadonlyMap<string, Uint8Array>;
  /** Path of the index that was believed. */
  readonly indexPath: string;
  readonly entries: ReadonlyMap<string, IndexEntry & { readonly path: string }>;
  /** Products files by path: the text that was believed. */
  readonly products: ReadonlyMap<string, Uint8Array>;
  readonly validators: Readonly<Record<string, Validators>>;
  readonly oddities: readonly string[];
  /** `updated` of the index or the newest of its products files, else Last-Modified, in milliseconds; undefined when nobody says. */
  readonly updatedMs: number | undefined;
}

const JSON_INDEX = "streams/v1/index.json";
const SIGNED_INDEX = "streams/v1/index.sjson";
/** A document and its signature are two files, and may be fetched at two moments. */
const TRIES = 3;
const BETWEEN_TRIES_MS = 2000;

export interface FetchOptions {
  readonly upstream: Upstream;
  readonly policy: StreamPolicy;
  /** What was kept of the last answers; left out: everything is asked for whole. */
  readonly known?: Readonly<Record<string, Validators>> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly wait?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
}

/** Whether everything that was known is still so: index and products files all answer `unchanged`. */
export async function isUnchanged({ upstream, known, signal }: FetchOptions): Promise<boolean> {
  const paths = Object.keys(known ?? {});
  if (paths.length === 0) return false;
  for (const path of paths) {
    const validators = known?.[path];
    if (validators === undefined) return false;
    const answer = await upstream.document(path, {
      known: validators,
      ...(signal === undefined ? {} : { signal }),
    });
    if (answer.kind !== "unchanged") return false;
  }
  return true;
}

/** Everything anew. Throws what the upstream throws, UPSTREAM_UNTRUSTED, and DOCUMENT_INVALID for an index that is none. */
export async function fetchDocuments(options: FetchOptions): Promise<Fetched> {
  const { wait = pause, signal } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Fetching(options).run();
    } catch (error) {
      const mayPass =
        error instanceof HeadwaterError && error.code === "UPSTREAM_UNTRUSTED" && attempt < TRIES;
      if (!mayPass) throw error;
      await wait(BETWEEN_TRIES_MS, signal);
    }
  }
}

/** A document that may be believed: what to read, and what to hand on. */
interface Believed {
  readonly text: Uint8Array;
}

class Fetching {
  readonly #options: FetchOptions;
  readonly #documents = new Map<string, Uint8Array>();
  readonly #validators: Record<string, Validators> = Object.create(null) as Record<string, Validators>;
  readonly #oddities: string[] = [];

  constructor(options: FetchOptions) {
    this.#options = options;
  }

  async run(): Promise<Fetched> {
    const { indexPath, index } = await this.#index();
    const read = readUpstreamIndex(index.text, { name: this.#place(indexPath) });
    if (read.entries.size === 0) {
      throw new HeadwaterError(
        "DOCUMENT_INVALID",
        `${this.#place(indexPath)} lists no products files that can be read.`,
        {
          hint: "What was listed before stays. Check the address of the upstream.",
        },
      );
    }
    const products = new Map<string, Uint8Array>();
    for (const { path } of read.entries.values()) {
      if (isLxcDocument(path)) throw placeTaken(this.#place(path));
      const believed = await this.#document(path);
      if (believed === undefined) {
        throw new HeadwaterError(
          "UPSTREAM_REFUSED",
          `${this.#place(path)}: listed in the index, and the upstream does not have it.`,
        );
      }
      products.set(path, believed.text);
    }
    const { name, mode, select, retention } = this.#options.policy;
    const hasRules = mode === "mirror" && retention !== undefined && hasRulesFor(retention, name);
    // What is filtered is rewritten, and signatures of the original say nothing about it.
    if (select === undefined && !hasRules) await this.#otherForms([indexPath, ...products.keys()]);
    return {
      documents: this.#documents,
      indexPath,
      entries: read.entries,
      products,
      validators: this.#validators,
      oddities: [...this.#oddities, ...read.oddities],
      updatedMs: this.#updated(read.updated, [...read.entries.values()]),
    };
  }

  /** The unsigned form by preference, as clients read it; the signed one where only that can be believed or is there. */
  async #index(): Promise<{ readonly indexPath: string; readonly index: Believed }> {
    const paths =
      this.#options.policy.signatures === "off" ? [JSON_INDEX, SIGNED_INDEX] : [SIGNED_INDEX, JSON_INDEX];
    for (const indexPath of paths) {
      const index = await this.#document(indexPath);
      if (index !== undefined) return { indexPath, index };
    }
    throw new HeadwaterError("UPSTREAM_REFUSED", `${this.#place(JSON_INDEX)}: there is no such index.`, {
      hint: "The address of an upstream is the folder that has streams/v1/index.json in it.",
      details: { url: this.#options.upstream.url, status: 404 },
    });
  }

  /** Undefined when the upstream has none. */
  async #document(path: string): Promise<Believed | undefined> {
    const bytes = await this.#get(path);
    if (bytes === undefined) return undefined;
    const text = path.endsWith(".sjson")
      ? await this.#clearsigned(path, bytes)
      : await this.#plain(path, bytes);
    this.#documents.set(path, bytes);
    return { text };
  }

  async #clearsigned(path: string, bytes: Uint8Array): Promise<Uint8Array> {
    const { signatures, keyring } = this.#options.policy;
    if (signatures === "off" || keyring === undefined) return textOfClearsigned(bytes, this.#place(path));
    const { text } = await verifyClearsigned(bytes, keyring, this.#place(path));
    return new TextEncoder().encode(text);
  }

  async #plain(path: string, bytes: Uint8Array): Promise<Uint8Array> {
    const { signatures, keyring } = this.#options.policy;
    if (signatures === "off" || keyring === undefined) return bytes;
    const signature = await this.#get(`${path}.gpg`);
    if (signature !== undefined) {
      await verifyDetached(bytes, signature, keyring, this.#place(path));
      this.#documents.set(`${path}.gpg`, signature);
      return bytes;
    }
    if (signatures === "required") {
      throw new HeadwaterError(
        "UPSTREAM_UNTRUSTED",
        `${this.#place(path)} is not signed: there is no ${path}.gpg.`,
        {
          hint: "Nothing of it is believed. With --signatures preferred it would be.",
        },
      );
    }
    this.#oddities.push(
      `${path} has no signature and is believed all the same, as --signatures preferred says`,
    );
    return bytes;
  }

  /** Signed and unsigned forms beside those that were read, for whoever asks for them here. What is not there or not right is left out. */
  async #otherForms(read: readonly string[]): Promise<void> {
    for (const path of read) {
      const twin = path.endsWith(".sjson")
        ? path.replace(/\.sjson$/, ".json")
        : path.replace(/\.json$/, ".sjson");
      for (const other of [`${path}.gpg`, twin, `${twin}.gpg`]) {
        if (this.#documents.has(other) || other === path || other.endsWith(".sjson.gpg")) continue;
        await this.#tryOther(other);
      }
    }
  }

  async #tryOther(path: string): Promise<void> {
    try {
      if (path.endsWith(".gpg")) {
        const document = this.#documents.get(path.slice(0, -".gpg".length));
        const bytes = document === undefined ? undefined : await this.#get(path);
        const { keyring } = this.#options.policy;
        if (document === undefined || bytes === undefined) return;
        if (keyring !== undefined) await verifyDetached(document, bytes, keyring, this.#place(path));
        this.#documents.set(path, bytes);
      } else await this.#document(path);
    } catch (error) {
      if (!(error instanceof HeadwaterError)) throw error;
      this.#oddities.push(`${path} is left out: ${error.message}`);
    }
  }

  async #get(path: string): Promise<Uint8Array | undefined> {
    const { upstream, signal } = this.#options;
    const answer = await upstream.document(path, signal === undefined ? {} : { signal });
    if (answer.kind !== "fresh") return undefined;
    this.#validators[path] = answer.validators;
    return answer.bytes;
  }

  #updated(index: string | undefined, entries: readonly IndexEntry[]): number | undefined {
    const said = [index, ...entries.map(({ updated }) => updated)].map((text) => Date.parse(text ?? ""));
    const modified = Object.values(this.#validators).map(({ lastModified = "" }) => Date.parse(lastModified));
    const known = said.some(Number.isFinite) ? said : modified;
    const newest = Math.max(...known.filter(Number.isFinite));
    return Number.isFinite(newest) ? newest : undefined;
  }

  #place(path: string): string {
    return `${this.#options.upstream.url}/${path}`;
  }
}

/** The text of a clear-signed document whose signature nobody asked to check (RFC 9580 section 7). */
function placeTaken(place: string): HeadwaterError {
  return new HeadwaterError(
    "UPSTREAM_WRONG",
    `${place}: listed as a products file, and that path is for what is made here for LXC.`,
  );
}

function textOfClearsigned(bytes: Uint8Array, place: string): Uint8Array {
  const text = new TextDecoder().decode(bytes).replaceAll("\r\n", "\n");
  const body =
    /^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[^\n]+\n)*\n([^]*?)\n-----BEGIN PGP SIGNATURE-----/.exec(
      text,
    )?.[1];
  if (body === undefined)
    throw new HeadwaterError("DOCUMENT_INVALID", `${place} is no clear-signed document.`);
  return new TextEncoder().encode(body.replaceAll(/^- /gm, ""));
}

import {
  decodeAsClient,
  type Family,
  imagesOf,
  type ClientProfile,
  clientProfile,
  type ListedImage,
  type ProductsFile,
} from "../../src/simplestreams/index.ts";
import { parseAsClient } from "../../src/simplestreams/client-text.ts";
import { assignAgain } from "../../src/simplestreams/repeated-keys.ts";
import { INDEX_PATH } from "../../src/simplestreams/rules/smallest-tree.ts";
import type { Documents } from "./deviation.ts";

/** Why a client refuses a whole server, as far as its message tells. */
export type Refusal = "not there" | "not JSON" | "wrong type" | "crash";

/** What a client makes of a server. */
export type Prediction = { readonly refused: Refusal } | { readonly images: readonly ListedImage[] };

/** The clients that the corpus is held against. */
export const CLIENTS: Readonly<Record<Family, ClientProfile>> = {
  incus: clientProfile("incus 6.0"),
  lxd: clientProfile("lxd 5.0"),
};

/** What `image list` of a client shows for these documents, or why it shows an error. */
export function predict(documents: Documents, family: Family, clientArch = "x86_64"): Prediction {
  const fetch = new Fetch(documents, family);
  const index = fetch.document(INDEX_PATH);
  if (index === undefined) return { refused: "not there" };
  const entries = decodeIndex(index);
  if (typeof entries === "string") return { refused: entries };
  const files: ProductsFile[] = [];
  for (const { datatype, path, products } of entries) {
    if (datatype !== "image-downloads" || products.length === 0) continue;
    const bytes = fetch.document(path);
    if (bytes === undefined) return { refused: "not there" };
    const decoded = decodeAsClient(bytes, CLIENTS[family]);
    if (decoded.products !== undefined) files.push(decoded.products);
    else return { refused: decoded.fatal[0]?.rule === "json-type" ? "wrong type" : "not JSON" };
  }
  const images = imagesOf(files, CLIENTS[family], { clientArch });
  return images.some(isTooShort) ? { refused: "crash" } : { images };
}

/** The first twelve bytes are taken for a column of the table, also where no table is printed (image.go of both command lines). */
function isTooShort({ fingerprint }: ListedImage): boolean {
  return new TextEncoder().encode(fingerprint).length < 12;
}

/**
 * How the command lines come by documents. Incus keeps them on disk by the last part of their path, also within one run
 * (shared/simplestreams/simplestreams.go, cachedDownload); LXD's command line sets no place for that.
 */
class Fetch {
  readonly #kept = new Map<string, Uint8Array>();
  readonly #documents: Documents;
  readonly #family: Family;

  constructor(documents: Documents, family: Family) {
    this.#documents = documents;
    this.#family = family;
  }

  document(path: string): Uint8Array | undefined {
    const basename = path.slice(path.lastIndexOf("/") + 1);
    const kept = this.#family === "incus" ? this.#kept.get(basename) : undefined;
    if (kept !== undefined) return kept;
    const bytes = this.#documents.get(this.#requested(path));
    if (bytes !== undefined) this.#kept.set(basename, bytes);
    return bytes;
  }

  /** As the server gets it. Incus: url.JoinPath, which unescapes and keeps a slash at the end; LXD: path.Join, and escaping of what comes out (shared/util.go, JoinUrls). */
  #requested(path: string): string {
    const parts = ["base"];
    for (const part of path.split("/")) {
      if (part === "..") parts.pop();
      else if (part !== "" && part !== ".") parts.push(part);
    }
    if (parts[0] !== "base") return "";
    const joined = parts.slice(1).join("/");
    if (this.#family === "lxd") return joined;
    const kept = path.endsWith("/") && joined !== "" ? `${joined}/` : joined;
    return /%(?![0-9a-f]{2})/i.test(kept) ? "" : decodeURIComponent(kept);
  }
}

interface Entry {
  readonly datatype: string;
  readonly path: string;
  readonly products: readonly unknown[];
}

/** As Go decodes an index (shared/simplestreams/index.go, both projects): keys without regard to case, null as not there, one wrong type is fatal. */
function decodeIndex(bytes: Uint8Array): Entry[] | Refusal {
  let raw: unknown;
  try {
    raw = parseAsClient(bytes, "the index");
  } catch {
    return "not JSON";
  }
  try {
    const top = new Struct(raw);
    top.string("format");
    top.string("updated");
    return Object.values(top.object("index")).map((value) => {
      const entry = new Struct(value);
      entry.string("format");
      entry.string("updated");
      return {
        datatype: entry.string("datatype"),
        path: entry.string("path"),
        products: entry.strings("products"),
      };
    });
  } catch (error) {
    if (error instanceof TypeError) return "wrong type";
    throw error;
  }
}

class Struct {
  readonly #fields: Record<string, unknown> = {};

  constructor(raw: unknown) {
    if (raw === null) return;
    if (typeof raw !== "object" || Array.isArray(raw)) throw new TypeError("expected an object");
    for (const [key, value] of Object.entries(raw)) {
      assignAgain(this.#fields, key.toLowerCase(), value);
    }
  }

  string(name: string): string {
    const value = this.#fields[name] ?? "";
    if (typeof value !== "string") throw new TypeError(`expected a string as ${name}`);
    return value;
  }

  strings(name: string): readonly unknown[] {
    const value = this.#fields[name] ?? [];
    if (!Array.isArray(value) || !value.every((one) => one === null || typeof one === "string")) {
      throw new TypeError(`expected strings as ${name}`);
    }
    return value;
  }

  object(name: string): object {
    const value = this.#fields[name] ?? {};
    if (typeof value !== "object" || Array.isArray(value))
      throw new TypeError(`expected an object as ${name}`);
    return value;
  }
}

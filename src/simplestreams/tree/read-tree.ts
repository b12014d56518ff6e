import { HeadwaterError } from "../../error.ts";
import { type Decoded, decodeForAll, decodeIndex } from "../decode-as-client.ts";
import { finding } from "../finding.ts";
import type { IndexEntry, IndexFile } from "../index-file.ts";
import { quoted } from "../printable.ts";
import { pathProblem } from "../relative-path.ts";
import { everyReader, imageClients } from "../rules/readers.ts";
import { checkIndex, isForImages, isProductsFile } from "./check-index.ts";
import type { Findings } from "./findings.ts";
import type { DocumentText, TreeDocuments } from "./tree-documents.ts";
import { type Amounts, amountsOf, NONE, sum, tooMuch } from "./too-much.ts";

/** Where every reader looks first. */
export const INDEX = "streams/v1/index.json";

/** A tree as it was read, for all readers. */
export interface ReadTree {
  /** Undefined when nobody can read it. */
  readonly index: IndexFile | undefined;
  /** What `JSON.parse` made of the index. */
  readonly rawIndex: unknown;
  /** Entries for images in the order of the index, each with its file; a path that is named twice comes twice. */
  readonly files: readonly TreeFile[];
  /** Products files of entries for other programs. */
  readonly others: readonly TreeFile[];
  /** Whether every image client refuses the whole remote: the index, or a products file, is not there or is no JSON. */
  readonly dead: boolean;
}

/** One products file, as the index names it. */
export interface TreeFile {
  readonly key: string;
  readonly entry: IndexEntry;
  readonly path: string;
  /** Undefined when it is not there or cannot be read. */
  readonly decoded: Decoded | undefined;
}

/** The paths of the products files that readers ask for, in the order of the index, those for images first. */
export function productsPaths(index: DocumentText): string[] {
  try {
    const entries = [...decodeIndex(index).index.index.values()].filter(({ path }) => path);
    const forImages = entries.filter(isForImages);
    const others = entries.filter((entry) => !isForImages(entry) && isProductsFile(entry));
    return [...new Set([...forImages, ...others].map(({ path = "" }) => path))];
  } catch (error) {
    if (error instanceof HeadwaterError) return [];
    throw error;
  }
}

/** Reads all documents once, and reports what keeps them from being read. */
export function readTree(documents: TreeDocuments, findings: Findings): ReadTree {
  const read = readIndex(documents, findings);
  if (read === undefined) return { index: undefined, rawIndex: undefined, files: [], others: [], dead: true };
  const reader = new FileReader(documents.products, findings);
  const entries = [...read.index.index];
  const files = entries
    .filter(([, entry]) => isForImages(entry))
    .map(([key, entry]) => reader.read(key, entry));
  const others = entries
    .filter(([, entry]) => !isForImages(entry) && isProductsFile(entry))
    .map(([key, entry]) => reader.read(key, entry));
  return {
    index: read.index,
    rawIndex: read.raw,
    files,
    others,
    dead: read.refused || files.some(({ decoded }) => decoded === undefined),
  };
}

function readIndex(
  { index: text, products }: TreeDocuments,
  findings: Findings,
): { readonly index: IndexFile; readonly raw: unknown; readonly refused: boolean } | undefined {
  if (text === undefined) {
    findings.add(INDEX, finding("index-missing", {}, `there is no ${INDEX}`), everyReader);
    return undefined;
  }
  const decoded = attempt(INDEX, findings, () => decodeIndex(text, INDEX));
  if (decoded === undefined) return undefined;
  for (const mistake of decoded.mistakes) findings.add(INDEX, mistake, imageClients);
  for (const found of checkIndex(decoded.index)) {
    // The Python tools take any path, but not one where nothing is.
    const isMissed =
      found.rule === "entry-path" && (typeof found.value !== "string" || !products.has(found.value));
    findings.add(INDEX, found, isMissed ? everyReader : imageClients);
  }
  return { ...decoded, refused: decoded.mistakes.length > 0 };
}

interface ReadFile {
  readonly decoded: Decoded;
  readonly amounts: Amounts;
}

/** Reads each file once, however often it is named; clients list it as often. */
class FileReader {
  readonly #documents: ReadonlyMap<string, DocumentText>;
  readonly #findings: Findings;
  readonly #known = new Map<string, ReadFile | undefined>();
  #total = NONE;

  constructor(documents: ReadonlyMap<string, DocumentText>, findings: Findings) {
    this.#documents = documents;
    this.#findings = findings;
  }

  read(key: string, entry: IndexEntry): TreeFile {
    const path = entry.path ?? "";
    if (!this.#known.has(path)) this.#known.set(path, this.#decode(key, path));
    const file = this.#known.get(path);
    const decoded = file === undefined || !this.#isBearable(path, file) ? undefined : file.decoded;
    return { key, entry, path, decoded };
  }

  #isBearable(path: string, { amounts }: ReadFile): boolean {
    const total = sum(this.#total, amounts);
    const much = tooMuch(total);
    if (much === undefined) {
      this.#total = total;
      return true;
    }
    const all = tooMuch(amounts) === undefined ? " in all files together" : "";
    this.#findings.add(path, finding("document-size", {}, much + all), everyReader);
    return false;
  }

  #decode(key: string, path: string): ReadFile | undefined {
    const text = this.#documents.get(path);
    if (text === undefined) {
      // A path that cannot be fetched has been reported as such.
      if (pathProblem(path.replace(/^\/+/, "")) !== undefined) return undefined;
      const place = { field: `index[${quoted(key, 100)}].path`, value: path };
      const reason = `the index names it, and there is no such document`;
      this.#findings.add(INDEX, finding("products-missing", place, reason), everyReader);
      return undefined;
    }
    const decoded = attempt(path, this.#findings, () => decodeForAll(text, path));
    return decoded === undefined ? undefined : { decoded, amounts: amountsOf(decoded.products) };
  }
}

function attempt<Value>(document: string, findings: Findings, read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    const rule = error.code === "DOCUMENT_TOO_LARGE" ? "document-size" : "json-text";
    findings.add(document, finding(rule, {}, error.message), everyReader);
    return undefined;
  }
}

import { createHash, type Hash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { ListedFile, ListedImage } from "../simplestreams/listed-image.ts";
import { fileFindings, fingerprintFindings, type TransportFinding } from "./transport.ts";
import type { FileAnswer, Tree } from "./tree.ts";

/** What is known of one file. */
export interface CheckedFile {
  readonly path: string;
  /** Bytes, as listed. */
  readonly size: number;
  readonly state: "there" | "absent" | "elsewhere";
  /** `head`: whether it is there, and its size. `whole`: all its bytes. */
  readonly looked: "head" | "whole";
  /** Why it is absent, or where it is; undefined for what is there. */
  readonly why: string | undefined;
}

export interface FileChecks {
  readonly files: readonly CheckedFile[];
  readonly findings: readonly TransportFinding[];
}

export interface CheckOptions {
  /** Whether all bytes are fetched and hashed, instead of asking for the head. */
  readonly fetch: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What an image is made of, as far as files go. */
export type ImageFiles = Pick<ListedImage, "fingerprint" | "files">;

/** Questions at once: a public server has other guests. */
const AT_ONCE = 4;
/** Files after which others get a turn. */
const TURN = 256;
/** Bytes beyond the listed size after which a file is not taken any further. */
const SLACK = 1024 * 1024;

/** Looks whether the files of these images are there, or fetches them whole and compares sizes, hashes and fingerprints. */
export async function checkFiles(
  tree: Tree,
  images: readonly ImageFiles[],
  options: CheckOptions,
): Promise<FileChecks> {
  const checks = new FileChecker(tree, options);
  await (options.fetch ? checks.fetch(differentImages(images)) : checks.ask(differentFiles(images)));
  return { files: checks.files(), findings: checks.findings() };
}

/** Clients of both families list one image: its files are the same. */
function differentImages(images: readonly ImageFiles[]): ImageFiles[] {
  const different = images.map(
    (image) => [`${image.fingerprint} ${image.files.map(keyOf).join(" ")}`, image] as const,
  );
  return [...new Map(different).values()];
}

function differentFiles(images: readonly ImageFiles[]): ListedFile[] {
  const different = new Map<string, ListedFile>();
  for (const { files } of images) {
    for (const file of files) {
      if (file.path === "") continue;
      const key = keyOf(file);
      if (!different.has(key)) different.set(key, file);
    }
  }
  return [...different.values()];
}

/** What comes of one file; there before its answer, so that it keeps its place. */
interface FileCheck {
  checked?: CheckedFile;
  readonly findings: TransportFinding[];
}

class FileChecker {
  readonly #checks = new Map<string, FileCheck>();
  readonly #fingerprints: TransportFinding[] = [];
  readonly #tree: Tree;
  readonly #options: CheckOptions;

  constructor(tree: Tree, options: CheckOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  /** In the order in which images list them, whatever was answered first. */
  files(): CheckedFile[] {
    return [...this.#checks.values()].flatMap(({ checked }) => checked ?? []);
  }

  findings(): TransportFinding[] {
    return [...[...this.#checks.values()].flatMap(({ findings }) => findings), ...this.#fingerprints];
  }

  /** Several at once. */
  async ask(files: readonly ListedFile[]): Promise<void> {
    // Their places, in order.
    for (const file of files) this.#checkOf(file);
    const { signal, onProgress } = this.#options;
    const left = files.values();
    let done = 0;
    const worker = async (): Promise<void> => {
      for (const file of left) {
        signal?.throwIfAborted();
        await this.#head(file);
        done++;
        onProgress?.(done, files.length);
        // A folder answers at once, and then nobody else would get a turn: not even who wants this to end.
        if (done % TURN === 0) await setImmediate();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** One after the other. */
  async fetch(images: readonly ImageFiles[]): Promise<void> {
    const total = images.reduce((sum, { files }) => sum + bytesOf(files), 0);
    let done = 0;
    for (const image of images) {
      await this.#image(image, (amount) => this.#options.onProgress?.((done += amount), total));
    }
  }

  async #image({ fingerprint, files }: ImageFiles, advance: (amount: number) => void): Promise<void> {
    const combined = createHash("sha256");
    let isWhole = true;
    for (const file of files) {
      this.#options.signal?.throwIfAborted();
      isWhole = (await this.#fetch(file, combined, advance)) && isWhole;
    }
    if (!isWhole) return;
    const found = combined.digest("hex");
    this.#fingerprints.push(...fingerprintFindings(files[0]?.path ?? "", fingerprint, found));
  }

  async #head(file: ListedFile): Promise<void> {
    const { path, size, sha256 } = file;
    const check = this.#checkOf(file);
    const answer = await this.#tree.file(path, { signal: this.#options.signal });
    check.checked = checked(file, answer, "head");
    check.findings.push(...fileFindings({ answer, path, size: listed(size), sha256 }));
  }

  /** Whether all of it came. Metadata that several images share is fetched for each: it is small, and hashed before each root. */
  async #fetch(file: ListedFile, combined: Hash, advance: (amount: number) => void): Promise<boolean> {
    const { path, size, sha256 } = file;
    if (path === "") return false;
    const own = createHash("sha256");
    const answer = await this.#tree.file(path, {
      signal: this.#options.signal,
      most: size > 0 ? size + SLACK : undefined,
      read: (piece) => {
        own.update(piece);
        combined.update(piece);
        advance(piece.byteLength);
      },
    });
    const isRead = answer.kind === "there" && answer.unread === undefined;
    const check = this.#checkOf(file);
    const found = isRead ? own.digest("hex") : undefined;
    if (check.checked === undefined)
      check.findings.push(...fileFindings({ answer, path, size: listed(size), sha256, found }));
    check.checked = checked(file, answer, isRead ? "whole" : "head");
    return isRead;
  }

  #checkOf(file: ListedFile): FileCheck {
    const key = keyOf(file);
    const known = this.#checks.get(key);
    if (known !== undefined) return known;
    const check: FileCheck = { findings: [] };
    this.#checks.set(key, check);
    return check;
  }
}

function keyOf({ path, size, sha256 }: ListedFile): string {
  return `${sha256} ${size} ${path}`;
}

function bytesOf(files: readonly ListedFile[]): number {
  return files.reduce((sum, { size }) => sum + Math.max(size, 0), 0);
}

/** A size that is not listed is compared with nothing. */
function listed(size: number): number | undefined {
  return size > 0 ? size : undefined;
}

function checked({ path, size }: ListedFile, answer: FileAnswer, looked: CheckedFile["looked"]): CheckedFile {
  if (answer.kind === "absent") return { path, size, state: "absent", looked, why: answer.why };
  const { unread } = answer;
  return { path, size, state: unread === undefined ? "there" : "elsewhere", looked, why: unread };
}

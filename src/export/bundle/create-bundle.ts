import { createHash, randomBytes } from "node:crypto";
import {
  BUNDLE_FORMAT,
  type BundleFile,
  type BundleList,
  encodeBundleList,
} from "../../bundle/bundle-list.ts";
import { type Head, PUBLIC_KEY, README, sizeOfBundle } from "../../bundle/layout.ts";
import { README_TEXT } from "../../bundle/readme.ts";
import { HeadwaterError } from "../../error.ts";
import type { Generation } from "../../store/generation.ts";
import type { Signer } from "../../store/signer.ts";
import type { Store } from "../../store/store.ts";
import type { BundleOutput } from "./bundle-file.ts";
import { type Chosen, chooseImages } from "./choose-images.ts";
import { filesSince } from "./earlier.ts";
import type { Choice } from "./narrowing.ts";
import { type Ready, writeBundle, type WriteOptions } from "./write-bundle.ts";

export interface CreateOptions extends Choice, WriteOptions {
  /** What it holds is left out. */
  readonly since?: BundleList | undefined;
  /** Undefined: it goes unsigned. */
  readonly signer?: Signer | undefined;
  /** How the output is cut, for whoever puts it together again. */
  readonly partSize: number | null;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface CreateReport {
  readonly id: string;
  readonly generation: number;
  /** Where it is; empty when it went into a pipe. */
  readonly paths: readonly string[];
  /** Of the whole bundle. */
  readonly bytes: number;
  readonly images: number;
  /** Files of images that are inside, and their bytes. */
  readonly files: number;
  readonly fileBytes: number;
  /** Files of images that are in earlier bundles. */
  readonly inBases: number;
  readonly bases: readonly string[];
  /** Of the key that signed it; null: unsigned. */
  readonly signedBy: string | null;
  /** Files that were chosen and are at an upstream. */
  readonly notHeld: number;
}

const TRIES = 5;

export interface Planned extends Ready {
  readonly generation: Generation;
  readonly chosen: Chosen;
}

/**
 * Writes the chosen images of the newest generation, with the lists that name them, as one tar archive. The same store and the same choice give
 * the same bytes, but for the id, the date and the signature. Every byte is read once, and one that is not what its list says ends it.
 */
export async function createBundle(
  store: Store,
  output: () => Promise<BundleOutput>,
  options: CreateOptions,
): Promise<CreateReport> {
  for (let attempt = 1; ; attempt++) {
    const planned = await planBundle(store, options);
    const to = await output();
    try {
      await writeBundle(store, planned, { to, options });
      return reportOf(planned, await to.finish(), options);
    } catch (error) {
      await to.cancel();
      // What a list named may be given up while it is copied: then again with what is newest now.
      const overtaken = error instanceof HeadwaterError && error.code === "BLOB_MISSING" && to.isErasable;
      if (!overtaken || attempt === TRIES || (await store.newest())?.id === planned.generation.id)
        throw error;
    }
  }
}

/** What would be written. Changes nothing. Throws NOT_FOUND when that is no image. */
export async function planBundle(store: Store, options: CreateOptions): Promise<Planned> {
  const generation = await store.newest();
  if (generation === undefined) throw nothingChosen(store, 0);
  const chosen = await chooseImages(store, generation, options);
  const { since } = options;
  const id = (await store.generation(1))?.id ?? generation.id;
  if (since !== undefined && since.store !== id) throw anotherStore(store);
  if (chosen.fingerprints.size === 0) throw nothingChosen(store, chosen.notHeld);
  const documents = await withTexts(chosen.documents, options.signer);
  const head = await headOf({ generation, chosen, documents, store: id }, options);
  return { generation, chosen, head, documents };
}

export function reportOf(
  { generation, chosen, head }: Planned,
  paths: readonly string[],
  { signer }: CreateOptions,
): CreateReport {
  const { id, files, bases } = head.list;
  const inside = files.filter(({ base, link }) => base === undefined && link === undefined);
  return {
    id,
    generation: generation.number,
    paths,
    bytes: sizeOfBundle(head),
    images: chosen.fingerprints.size,
    files: inside.length,
    fileBytes: inside.reduce((sum, { size }) => sum + size, 0),
    inBases: files.filter(({ base }) => base !== undefined).length,
    bases: bases.map((base) => base.id),
    signedBy: signer?.fingerprint ?? null,
    notHeld: chosen.notHeld,
  };
}

async function withTexts(
  documents: ReadonlyMap<string, Uint8Array>,
  signer: Signer | undefined,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const encoder = new TextEncoder();
  const all = new Map<string, Uint8Array>([[README, encoder.encode(README_TEXT)]]);
  if (signer !== undefined) all.set(PUBLIC_KEY, encoder.encode(await signer.publicKey()));
  for (const [path, bytes] of documents) all.set(path, bytes);
  return all;
}

async function headOf(
  what: {
    readonly generation: Generation;
    readonly chosen: Chosen;
    readonly documents: ReadonlyMap<string, Uint8Array>;
    readonly store: string;
  },
  { since, streams, signer, partSize, now }: CreateOptions,
): Promise<Head> {
  const { generation, chosen, documents, store } = what;
  const names = new Set(chosen.streams.map(({ name }) => name));
  // Of an image stream that nobody asked for nothing is said.
  const isMeant = (name: string): boolean => streams?.includes(name) ?? true;
  const left = (since?.streams ?? []).filter(({ name }) => !names.has(name) && isMeant(name));
  const gone = left.map((stream) => Object.assign({}, stream, { products: [] }));
  const { files, bases } = filesSince(chosen.files.values(), since);
  const list: BundleList = {
    format: BUNDLE_FORMAT,
    id: randomBytes(16).toString("hex"),
    createdAt: new Date(now()).toISOString(),
    store,
    generation: { number: generation.number, createdAt: generation.createdAt },
    partSize,
    bases,
    streams: [...chosen.streams, ...gone],
    documents: [...documents].map(([path, bytes]) => documentOf(path, bytes)),
    files,
  };
  const listBytes = encodeBundleList(list);
  const signature = await signer?.signArmored(listBytes);
  return {
    list,
    listBytes,
    signature: signature === undefined ? undefined : new TextEncoder().encode(signature),
  };
}

function documentOf(path: string, bytes: Uint8Array): BundleFile {
  return { path, size: bytes.byteLength, sha256: createHash("sha256").update(bytes).digest("hex") };
}

function nothingChosen(store: Store, notHeld: number): HeadwaterError {
  return new HeadwaterError("NOT_FOUND", `no image of ${store.name} is chosen for the bundle`, {
    hint:
      notHeld === 0
        ? "headwater list shows what there is, and --select takes the same conditions as upstream add."
        : "What is chosen is at an upstream. Make it a mirror: headwater upstream set --help",
    details: { notHeld },
  });
}

function anotherStore(store: Store): HeadwaterError {
  return new HeadwaterError("USAGE", `the bundle after --since was not made from ${store.name}`, {
    hint: "Name the last bundle that was made from this store.",
  });
}

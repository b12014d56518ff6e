import type { IndexFile } from "../simplestreams/index-file.ts";
import type { ProductsFile } from "../simplestreams/products.ts";
import { withoutOrigins } from "../simplestreams/image-origin.ts";
import { renderIndex, renderProducts } from "../simplestreams/render.ts";
import type { ImageStream } from "./image-stream.ts";
import { LXC_PRODUCTS } from "./lxc-files.ts";
import { lxcIndex, lxcIndexDocuments } from "./lxc-index.ts";
import { type Hidden, mergedRoot } from "./merged-root.ts";

/** One rendered document, before it is compressed and stored. */
export interface RenderedDocument {
  /** URL path without leading slash. */
  readonly path: string;
  readonly text: string;
  readonly type: string;
}

export interface Rendered {
  readonly documents: readonly RenderedDocument[];
  /** By image stream: what the merged root leaves out, and why. */
  readonly hidden: ReadonlyMap<string, readonly Hidden[]>;
}

/** Entries of `hidden` that a generation file holds for one image stream: it is a small file, and an upstream may repeat another one whole. */
const MAX_HIDDEN = 100;

/** Where the products files of an image stream are, as paths in a generation's documents. */
export function productsPaths(stream: string): readonly string[] {
  return [`${stream}/${PRODUCTS_PATH}`];
}

/** Every client knows the first path by heart (a constant in their source); the second is ours to choose. */
const INDEX_PATH = "streams/v1/index.json";
const PRODUCTS_PATH = "streams/v1/images.json";

/** The products file of the merged root. */
export const MERGED_PRODUCTS = PRODUCTS_PATH;

/**
 * All documents of one generation: the merged root and each image stream's own root.
 * @param updated when, for consumers other than Incus and LXD, which do not read it
 */
export function renderDocuments(streams: readonly ImageStream[], updated: Date): Rendered {
  const merged = mergedRoot(streams);
  const documents = rootDocuments("", merged.products, updated);
  for (const stream of streams) {
    // An upstream's own root is what the sync made of it.
    if (stream.upstream === undefined)
      documents.push(...rootDocuments(`${stream.name}/`, stream.products, updated));
    documents.push(...lxcDocuments(stream));
  }
  documents.push(
    ...textDocuments(
      "",
      lxcIndexDocuments(
        lxcIndex(streams, (name) => `${name}/`),
        "all",
      ),
    ),
  );
  return { documents, hidden: new Map([...merged.hidden].map(([name, hidden]) => [name, bounded(hidden)])) };
}

function bounded(hidden: readonly Hidden[]): readonly Hidden[] {
  if (hidden.length <= MAX_HIDDEN) return hidden;
  const reason = `${hidden.length - MAX_HIDDEN} more images are hidden`;
  return [...hidden.slice(0, MAX_HIDDEN), { fingerprint: "", product: "", reason }];
}

function rootDocuments(base: string, file: ProductsFile, updated: Date): RenderedDocument[] {
  // A client that reads an empty root keeps it for an hour. Without documents the server answers 503, and clients keep
  // what they had.
  if (file.products.size === 0) return [];
  const stamp = rfc2822(updated);
  const index: IndexFile = {
    format: "index:1.0",
    updated: stamp,
    index: new Map([
      [
        file.content_id ?? "images",
        {
          datatype: "image-downloads",
          format: "products:1.0",
          path: PRODUCTS_PATH,
          products: [...file.products.keys()],
          updated: stamp,
        },
      ],
    ]),
  };
  return [
    { path: base + INDEX_PATH, text: renderIndex(index), type: JSON_TYPE },
    {
      path: base + PRODUCTS_PATH,
      // What a daemon is called and where it has its images from is not for everybody.
      text: renderProducts({ ...withoutOrigins(file), updated: stamp }),
      type: JSON_TYPE,
    },
  ];
}

/** What is for LXC in an image stream's own root. */
function lxcDocuments(stream: ImageStream): RenderedDocument[] {
  const { name, lxc } = stream;
  if (lxc === undefined || lxc.products.size === 0) return [];
  const list = { path: `${name}/${LXC_PRODUCTS}`, text: renderProducts(lxc), type: JSON_TYPE };
  return [
    list,
    ...textDocuments(
      `${name}/`,
      lxcIndexDocuments(
        lxcIndex([stream], () => ""),
        "few",
      ),
    ),
  ];
}

function textDocuments(base: string, texts: ReadonlyMap<string, string>): RenderedDocument[] {
  return [...texts].map(([path, text]) => ({ path: base + path, text, type: TEXT_TYPE }));
}

const TEXT_TYPE = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json";

/** `Wed, 20 Mar 2013 17:56:57 +0000`: MAAS parses exactly this form. */
function rfc2822(date: Date): string {
  return date.toUTCString().replace("GMT", "+0000");
}

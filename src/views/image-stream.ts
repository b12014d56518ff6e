import type { DocumentRecord, Origin, StreamState, UpstreamRecord } from "../store/generation.ts";
import type { Sha256 } from "../store/store.ts";
import type { Listing } from "../simplestreams/listing.ts";
import type { ProductsFile } from "../simplestreams/products.ts";

/** A named simplestreams tree as the views see it: its record without what rendering finds out, and its products. */
export interface ImageStream {
  readonly name: string;
  readonly origin: Origin;
  /** What Incus and LXD could list of it (`image-downloads` only), attributes inherited, odd products left out. */
  readonly products: ProductsFile;
  /** Of a mirror or a cache. */
  readonly upstream?: UpstreamStream;
  /**
   * The files that LXC gets of its builds, by the same products and versions. Undefined: LXC is offered nothing of this image stream. A cache
   * has none, since they are made of what is here.
   */
  readonly lxc?: ProductsFile;
}

/** What an image stream has besides its products when it comes from an upstream. */
export interface UpstreamStream {
  readonly record: Omit<UpstreamRecord, "state">;
  readonly state: StreamState;
  /** Its own root, by path below the image stream (`streams/v1/index.json`); already staged or in the store. Passed on as it is. */
  readonly documents: ReadonlyMap<string, DocumentRecord>;
  /** Those of `documents` that are products files, of whatever datatype. */
  readonly productsPaths: readonly string[];
  /** What these list. */
  readonly listing: Listing;
  /** Every blob that must be here: all items of a mirror, what a cache holds. */
  readonly holds: ReadonlySet<Sha256>;
}

/** The products files of an image stream, of whatever datatype. */
export function listingOf({ products, upstream }: ImageStream): Listing {
  return upstream?.listing ?? new Map([["streams/v1/images.json", products]]);
}

/** The image stream of what this site makes. */
export const OWN_STREAM = "images";

/** An empty image stream for home-made images. */
export function emptyOwnStream(): ImageStream {
  return {
    name: OWN_STREAM,
    origin: "own",
    products: {
      content_id: OWN_STREAM,
      datatype: "image-downloads",
      format: "products:1.0",
      products: new Map(),
    },
  };
}

/** The image streams with the site's own one changed, or made when it was not there yet; it then comes first. */
export function withOwnStream(
  streams: readonly ImageStream[],
  change: (products: ProductsFile) => ProductsFile,
): readonly ImageStream[] {
  const own = streams.find((stream) => stream.name === OWN_STREAM);
  const changed = { ...(own ?? emptyOwnStream()), products: change((own ?? emptyOwnStream()).products) };
  return own === undefined
    ? [changed, ...streams]
    : streams.map((stream) => (stream === own ? changed : stream));
}

import type { StreamRecord } from "../store/generation.ts";
import type { ProductsFile } from "../simplestreams/products.ts";

/** A named simplestreams tree as the views see it: its record without what rendering finds out, and its products. */
export interface ImageStream {
  readonly name: string;
  readonly origin: StreamRecord["origin"];
  readonly products: ProductsFile;
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

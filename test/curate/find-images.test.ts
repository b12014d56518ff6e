import { describe, expect, it } from "vitest";
import { findImages } from "../../src/curate/find-images.ts";
import { listBuild } from "../../src/intake/list-build.ts";
import { Listing } from "../../src/intake/listing.ts";
import { emptyOwnStream, type ImageStream } from "../../src/views/image-stream.ts";
import { someBuild } from "../intake/some-build.ts";

/** An image stream of unified builds with these fingerprints. */
function streamOf(...fingerprints: string[]): ImageStream {
  const listing = new Listing(emptyOwnStream().products);
  for (const sha256 of fingerprints) {
    const files = { kind: "unified", image: { sha256, size: 1, extension: "tar.gz" } } as const;
    const options = { now: new Date(), from: "person" } as const;
    listBuild(listing, someBuild(sha256, { files }), options);
  }
  return { ...emptyOwnStream(), products: listing.file };
}

const one = `abc1${"0".repeat(60)}`;
const two = `abc2${"0".repeat(60)}`;

describe("findImages", () => {
  it("finds an image by its whole fingerprint and by a beginning that fits no other", () => {
    const streams = [streamOf(one, two)];
    expect(findImages(streams, one).map((row) => row.fingerprint)).toEqual([one]);
    expect(findImages(streams, "abc2").map((row) => row.fingerprint)).toEqual([two]);
  });

  it("refuses a beginning that fits several fingerprints", () => {
    expect(() => findImages([streamOf(one, two)], "abc")).toThrowError(
      expect.objectContaining({ code: "USAGE", message: expect.stringContaining("2 fingerprints") }),
    );
  });

  it("takes a word that is an alias for the alias, as clients do", () => {
    const stream = streamOf(one);
    const products = new Map(
      [...stream.products.products].map(([key, product]) => [key, { ...product, aliases: "abc2" }]),
    );
    const streams = [{ ...stream, products: { ...stream.products, products } }];
    expect(findImages(streams, "abc2").map((row) => row.fingerprint)).toEqual([one]);
  });
});

import { fingerprintsOf } from "../simplestreams/fingerprint.ts";
import type { Version } from "../simplestreams/products.ts";
import type { VersionName } from "../store/pins.ts";
import { type ImageStream, listingOf } from "../views/image-stream.ts";

/** What image streams list, to look versions up by name and by image. */
export class ListedVersions {
  readonly #streams: readonly ImageStream[];
  #places: Map<string, VersionName[]> | undefined;

  constructor(streams: readonly ImageStream[]) {
    this.#streams = streams;
  }

  version({ stream, product, version }: VersionName): Version | undefined {
    const found = this.#streams.find(({ name }) => name === stream);
    if (found === undefined) return undefined;
    for (const { products } of listingOf(found).values()) {
      const content = products.get(product)?.versions.get(version);
      if (content !== undefined) return content;
    }
    return undefined;
  }

  /** In the image stream that it was in; where that no longer has it, in any other that has the bytes. */
  placesOf(fingerprint: string, stream: string): readonly VersionName[] {
    this.#places ??= this.#read();
    const places = this.#places.get(fingerprint) ?? [];
    const near = places.filter((place) => place.stream === stream);
    if (near.length > 0) return near;
    return places.filter((place) =>
      this.#streams.some(({ name, origin }) => name === place.stream && origin !== "cache"),
    );
  }

  #read(): Map<string, VersionName[]> {
    const places = new Map<string, VersionName[]>();
    for (const stream of this.#streams) {
      for (const { products } of listingOf(stream).values()) {
        for (const [product, { versions }] of products) {
          for (const [version, content] of versions) {
            const place = { stream: stream.name, product, version };
            for (const { fingerprint } of fingerprintsOf(content))
              places.set(fingerprint, [...(places.get(fingerprint) ?? []), place]);
          }
        }
      }
    }
    return places;
  }
}

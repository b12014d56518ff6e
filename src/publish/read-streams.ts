import { readOwnProducts } from "../simplestreams/own-documents.ts";
import { readDocument } from "../store/documents.ts";
import type { Generation } from "../store/generation.ts";
import { productsRecord } from "../store/items.ts";
import type { Store } from "../store/store.ts";
import { emptyOwnStream, type ImageStream } from "../views/image-stream.ts";

/**
 * The image streams of a generation, as the products documents it carries say: they are the one place where an image is
 * listed, so there is no second book that could disagree. None for an empty store.
 */
export async function readStreams(store: Store, generation: Generation | undefined): Promise<ImageStream[]> {
  if (generation === undefined) return [];
  const streams: ImageStream[] = [];
  for (const record of generation.streams) {
    const { name, origin } = record;
    const [path] = record.products;
    if (path === undefined) {
      // An image stream without images has no documents, so that no client keeps an empty one.
      streams.push({ ...emptyOwnStream(), name, origin });
      continue;
    }
    const bytes = await readDocument(store, productsRecord(generation, record, path));
    streams.push({ name, origin, products: readOwnProducts(new TextDecoder().decode(bytes)) });
  }
  return streams;
}

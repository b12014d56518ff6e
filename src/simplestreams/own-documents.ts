import { indexFromRaw, productsFromRaw, type ContainerVisitor, type RawObject } from "./containers.ts";
import type { IndexFile } from "./index-file.ts";
import type { ProductsFile } from "./products.ts";

const trusting: ContainerVisitor = { file() {}, product() {}, version() {}, item() {} };

/**
 * A products file that Headwater itself rendered and whose SHA-256 was checked. Nothing is validated again: a store with
 * ten thousand versions is read at every start and every `add`. For any other document use `parseProducts`.
 */
export function readOwnProducts(text: string): ProductsFile {
  return productsFromRaw(JSON.parse(text) as RawObject, trusting);
}

/** An index that Headwater itself rendered and whose SHA-256 was checked. */
export function readOwnIndex(text: string): IndexFile {
  return indexFromRaw(JSON.parse(text) as RawObject, () => undefined);
}

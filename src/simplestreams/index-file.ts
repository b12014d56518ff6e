import type { Json } from "./products.ts";

/** `streams/v1/index.json`, with its entries in a Map and unknown keys kept. */
export interface IndexFile {
  readonly format?: string;
  readonly updated?: string;
  readonly index: ReadonlyMap<string, IndexEntry>;
  readonly [key: string]: Json | ReadonlyMap<string, IndexEntry> | undefined;
}

/** One products file, as the index names it. */
export interface IndexEntry {
  readonly datatype?: string;
  readonly path?: string;
  readonly format?: string;
  readonly updated?: string;
  /** Clients fetch the products file only when this is not empty; what is in it is not compared. */
  readonly products?: readonly string[];
  readonly [key: string]: Json | undefined;
}

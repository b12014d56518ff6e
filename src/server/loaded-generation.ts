import type { Generation } from "../store/generation.ts";
import type { ItemTable } from "../store/items.ts";
import type { LoadedDocument } from "./loaded-document.ts";

/** A generation in the shape in which requests are answered from it: everything is a look-up. */
export interface LoadedGeneration extends LoadedDocuments {
  readonly items: ItemTable;
}

export interface LoadedDocuments {
  readonly generation: Generation;
  readonly documents: ReadonlyMap<string, LoadedDocument>;
  /** Milliseconds, for Last-Modified. */
  readonly createdMs: number;
}
